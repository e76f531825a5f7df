//! `test-chat`: the life of one chat on the real database, from its making to its closing, of which nothing stays.

use sqlx::Connection;
use sqlx::postgres::{PgConnectOptions, PgConnection};

use super::session::{act_as, connect, service, user};
use super::{CommandError, Output};
use crate::auth::Caller;

/// Whom a step speaks as.
#[derive(Debug, Clone, Copy)]
enum Who {
    Service,
    Member,
    Stranger,
}

impl Who {
    fn caller(self) -> Caller {
        match self {
            Self::Service => service(),
            Self::Member => user("streamkeeper-test-member"),
            Self::Stranger => user("streamkeeper-test-stranger"),
        }
    }
}

/// What is done, and what has to be true then. In SQL, so that a reader sees what is tested.
struct Step {
    what: &'static str,
    who: Who,
    first: &'static [&'static str],
    then: &'static str,
}

const STEPS: &[Step] = &[
    Step {
        what: "a chat of tomorrow is made, and is upcoming",
        who: Who::Service,
        first: &["insert into chats (cid, members, starts_at, ends_at) values ('streamkeeper-test:chat',
            '{streamkeeper-test-member}', now() + interval '24 h', now() + interval '25 h')"],
        then: "select status = 'upcoming' from chat_list(true) where cid = 'streamkeeper-test:chat'",
    },
    Step {
        what: "its member sees it",
        who: Who::Member,
        first: &[],
        then: "select count(*) = 1 from chat_list() where cid = 'streamkeeper-test:chat'",
    },
    Step {
        what: "nobody else does",
        who: Who::Stranger,
        first: &[],
        then: "select count(*) = 0 from chat_list() where cid = 'streamkeeper-test:chat'",
    },
    Step {
        what: "an event of the webhook is kept",
        who: Who::Service,
        first: &[],
        then: r#"select (record_chat_event('streamkeeper-test:event', '{"type": "message.new", "cid":
            "streamkeeper-test:chat", "message": {"id": "1", "text": "test"}}') ->> 'recorded')::boolean"#,
    },
    Step {
        what: "the same event is not kept twice",
        who: Who::Service,
        first: &[r#"select record_chat_event('streamkeeper-test:event', '{"type": "message.new"}')"#],
        then: "select count(*) = 1 from chat_logs where webhook_id = 'streamkeeper-test:event'",
    },
    Step {
        what: "the chat's member reads it in the log",
        who: Who::Member,
        first: &[],
        then: "select count(*) = 1 from list_chat_logs() where webhook_id = 'streamkeeper-test:event'",
    },
    Step {
        what: "nobody else does",
        who: Who::Stranger,
        first: &[],
        then: "select count(*) = 0 from list_chat_logs() where webhook_id = 'streamkeeper-test:event'",
    },
    Step {
        what: "a connection is recorded when it opens, and when it closes",
        who: Who::Member,
        first: &["select record_chat_connection('streamkeeper-test:connection')"],
        then: "select (record_chat_connection('streamkeeper-test:connection', true, 1000, 'sign_out')
            ->> 'success')::boolean",
    },
    Step {
        what: "it counts as use",
        who: Who::Service,
        first: &[],
        then: "select (u ->> 'connections')::int > 0 and (u -> 'closes' ->> 'sign_out')::int > 0
            and (u -> 'monthly_active_users' ->> 'total')::int > 0
            from chat_usage(now() - interval '1 h', now() + interval '1 h') u",
    },
    Step {
        what: "a chat that began 7 hours ago and goes on is open, and is not closed",
        who: Who::Service,
        first: &[
            "update chats set starts_at = now() - interval '7 h', ends_at = now() + interval '1 h'
             where cid = 'streamkeeper-test:chat'",
            "select close_expired_chats()",
        ],
        then: "select status = 'open' and closed_at is null from chat_list(true) where cid = 'streamkeeper-test:chat'",
    },
    Step {
        what: "5 hours after its end it is closing, and is not closed",
        who: Who::Service,
        first: &[
            "update chats set starts_at = now() - interval '9 h', ends_at = now() - interval '5 h'
             where cid = 'streamkeeper-test:chat'",
            "select close_expired_chats()",
        ],
        then: "select status = 'closing' and closed_at is null from chat_list(true)
            where cid = 'streamkeeper-test:chat'",
    },
    Step {
        what: "7 hours after its end it is closed",
        who: Who::Service,
        first: &[
            "update chats set ends_at = now() - interval '7 h' where cid = 'streamkeeper-test:chat'",
            "select close_expired_chats()",
        ],
        then: "select status = 'closed' and closed_at is not null from chat_list(true)
            where cid = 'streamkeeper-test:chat'",
    },
    Step {
        what: "an appointment that is moved opens its chat again",
        who: Who::Service,
        first: &[
            "update chats set ends_at = now() + interval '1 h' where cid = 'streamkeeper-test:chat'",
            "select repair_chats()",
        ],
        then: "select status = 'open' from chat_list(true) where cid = 'streamkeeper-test:chat'",
    },
];

/// Takes all steps in one transaction, which is rolled back, and says of each whether it went as it should.
pub async fn test_chat(database: &PgConnectOptions) -> Result<Output, CommandError> {
    let mut connection = connect(database).await?;
    let mut transaction = connection.begin().await?;
    let (mut text, mut passed) = (String::new(), 0);
    for step in STEPS {
        let line = match holds(&mut transaction, step).await {
            Ok(true) => {
                passed += 1;
                format!("✓ {}", step.what)
            }
            Ok(false) => format!("✗ {}", step.what),
            Err(error) => format!("✗ {}: {error}", step.what),
        };
        text.push_str(&line);
        text.push('\n');
    }
    transaction.rollback().await?;
    let success = passed == STEPS.len();
    text.push_str(&format!("\n{passed} of {} steps passed; nothing of the test was kept\n", STEPS.len()));
    Ok(Output { text, success })
}

/// In a savepoint, so that a step that fails does not take the others with it.
async fn holds(transaction: &mut PgConnection, step: &Step) -> Result<bool, CommandError> {
    let mut savepoint = transaction.begin().await?;
    act_as(&mut savepoint, &step.who.caller()).await?;
    for &statement in step.first {
        sqlx::query(statement).execute(&mut *savepoint).await?;
    }
    // No row, or null, is not what was asked for either.
    let held: Option<Option<bool>> = sqlx::query_scalar(step.then).fetch_optional(&mut *savepoint).await?;
    savepoint.commit().await?;
    Ok(held.flatten().unwrap_or(false))
}
