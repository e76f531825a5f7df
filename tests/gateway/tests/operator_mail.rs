//! Mail to an operator about orphaned streams: what it says, that it comes once, and that it comes at last.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use database_tests::{TestDatabase, Who, code};
use gateway_tests::mail_server::{Mail, MailServer, Mood};
use gateway_tests::program::{serving, signal};
use gateway_tests::{Answer, Gateway, SECRET, run_sql};
use reqwest::Method;
use serde_json::{Value, json};

const OFTEN: Duration = Duration::from_millis(10);

fn id(n: u32) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

/// A live stream that nobody ever held, and whose end came before it, at 12:00 on a day of this year.
async fn orphan(db: &TestDatabase, n: u32, streamer: &str) {
    let streamer = streamer.replace('\'', "''");
    run_sql(
        db,
        &format!(
            "insert into livestreams (id, streamer_id, status, started_at, last_seen_at)
             values ('{id}', '{streamer}', 'live', '2026-01-05 12:01Z', clock_timestamp());
             insert into end_attempts (stream_id, actor, role, attempt, outcome, at)
             values ('{id}', '{streamer}', 'authenticated', 1, 'not_found', '2026-01-05 12:00Z')",
            id = id(n)
        ),
    )
    .await;
}

/// Lets an hour pass, as far as mail is concerned.
async fn an_hour_later(db: &TestDatabase) {
    run_sql(db, "update streamkeeper.operator_mail set sent_at = sent_at - interval '1 hour'").await;
}

/// Counts how often somebody asks whether there is something to tell.
async fn count_claims(db: &TestDatabase) {
    run_sql(
        db,
        "create sequence streamkeeper.t_claims minvalue 0 start 0;
         select nextval('streamkeeper.t_claims');
         alter function streamkeeper.claim_operator_mail() rename to t_claim;
         create function streamkeeper.claim_operator_mail() returns json language plpgsql security definer as $$
           declare report json := streamkeeper.t_claim();
           begin perform nextval('streamkeeper.t_claims'); return report; end $$",
    )
    .await;
}

/// Waits until so many have asked and got their answers since this was called.
async fn until_asked(db: &TestDatabase, times: i64) {
    let mut connection = db.owner().await;
    let mut asked = async || -> i64 {
        sqlx::query_scalar("select last_value from streamkeeper.t_claims").fetch_one(&mut connection).await.unwrap()
    };
    let before = asked().await;
    while asked().await < before + times {
        tokio::task::yield_now().await;
    }
}

async fn gateway(db: &TestDatabase, smtp: SocketAddr) -> Gateway {
    let url = format!("smtp://{smtp}");
    let variables = [
        ("OPERATOR_EMAIL", "Operations <ops@example.org>"),
        ("MAIL_FROM", "Streamkeeper <streamkeeper@example.org>"),
        ("SMTP_URL", &url),
        ("ADMIN_TOKEN", "a-token-for-operators"),
    ];
    Gateway::start_with(db.options(), false, &variables, |config| {
        config.orphans_interval = OFTEN;
        config.sweep_interval = OFTEN;
    })
    .await
}

/// One of the gateway's counters.
async fn counter(gateway: &Gateway, series: &str) -> f64 {
    let request = gateway.request(Method::GET, "/metrics").bearer_auth("a-token-for-operators");
    let page = Answer::of(request).await.text;
    let line = page.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{series}: {page}")).parse().unwrap()
}

async fn until(gateway: &Gateway, series: &str, least: f64) {
    while counter(gateway, series).await < least {
        tokio::task::yield_now().await;
    }
}

const SENT: &str = "streamkeeper_gateway_mails_total{about=\"orphans\",outcome=\"sent\"}";
const FAILED: &str = "streamkeeper_gateway_mails_total{about=\"orphans\",outcome=\"failed\"}";
const SWEEPS: &str = "streamkeeper_gateway_sweeps_total{outcome=\"ran\"}";

/// The two halves of the body: text and HTML.
fn halves(mail: &Mail) -> (String, String) {
    let body = mail.body();
    let (text, html) = body.split_once("Content-Type: text/html").expect("there are two parts");
    (text.to_owned(), html.to_owned())
}

#[tokio::test]
async fn an_operator_is_told_which_stream_since_when_why_and_what_to_do() {
    let db = TestDatabase::new().await;
    orphan(&db, 1, "owner").await;
    let mut server = MailServer::start().await;
    let gateway = gateway(&db, server.address).await;
    let mail = server.next().await;
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("streamkeeper@example.org", &["ops@example.org".to_owned()][..])
    );
    for (name, value) in [
        ("From", "Streamkeeper <streamkeeper@example.org>"),
        ("To", "Operations <ops@example.org>"),
        ("Subject", "Streamkeeper: 1 orphaned stream"),
        ("Auto-Submitted", "auto-generated"),
    ] {
        assert_eq!(mail.header(name), value, "{}", mail.raw);
    }
    let message_id = mail.header("Message-ID");
    assert!(message_id.starts_with("<orphans-") && message_id.ends_with("@example.org>"), "{message_id}");
    let (text, html) = halves(&mail);
    for half in [&text, &html] {
        for fact in [
            "1 orphaned stream: still live",
            "New since the last mail: 1.",
            &format!("{} (new)", id(1)),
            "owner",
            "2026-01-05 12:01 UTC",
            "2026-01-05 12:00 UTC",
            "(end_came_first)",
            "docs/operations.md",
        ] {
            assert!(half.contains(fact), "{fact}: {half}");
        }
    }
    assert!(text.contains("select end_stream_comprehensive(p_stream_id => '...', p_reason => 'operator');"), "{text}");
    assert!(!html.contains("more.</p>"), "{html}");
    until(&gateway, SENT, 1.0).await;
    assert_eq!(counter(&gateway, FAILED).await, 0.0);
}

#[tokio::test]
async fn what_users_choose_means_nothing_in_the_mail() {
    let db = TestDatabase::new().await;
    orphan(&db, 1, "<script>alert('1')</script>&\r\nSubject: <b>\"x\"</b>\n\nstream        made up").await;
    let mut server = MailServer::start().await;
    let _gateway = gateway(&db, server.address).await;
    let mail = server.next().await;
    assert_eq!(mail.header("Subject"), "Streamkeeper: 1 orphaned stream");
    let (text, html) = halves(&mail);
    assert!(html.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;  Subject: &lt;b&gt;"), "{html}");
    assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
    // All of it is in the one line about the streamer.
    let line = text.lines().find(|line| line.starts_with("streamer ")).unwrap();
    assert!(line.contains("Subject: ") && line.ends_with("made up"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("stream ")).count(), 1, "{text}");
}

#[tokio::test]
async fn many_gateways_send_one_mail_and_none_about_what_has_been_told() {
    let db = TestDatabase::new().await;
    count_claims(&db).await;
    for n in 1..=2 {
        orphan(&db, n, "owner").await;
    }
    let mut server = MailServer::start().await;
    let mut gateways = Vec::new();
    for _ in 0..4 {
        gateways.push(gateway(&db, server.address).await);
    }
    let mail = server.next().await;
    assert_eq!(mail.header("Subject"), "Streamkeeper: 2 orphaned streams");
    // Each of them has asked some more, also after an hour, and after many.
    until_asked(&db, 20).await;
    an_hour_later(&db).await;
    until_asked(&db, 20).await;
    assert!(server.rest().is_empty());
}

#[tokio::test]
async fn a_new_orphan_is_told_after_an_hour_and_one_that_comes_back_is_new() {
    let db = TestDatabase::new().await;
    count_claims(&db).await;
    orphan(&db, 1, "owner").await;
    let mut server = MailServer::start().await;
    let gateway = gateway(&db, server.address).await;
    let first = server.next().await;
    until(&gateway, SENT, 1.0).await;
    orphan(&db, 2, "other").await;
    until_asked(&db, 3).await;
    assert!(server.rest().is_empty());
    an_hour_later(&db).await;
    let second = server.next().await;
    assert_eq!(second.header("Subject"), "Streamkeeper: 2 orphaned streams");
    let (text, _) = halves(&second);
    assert!(text.contains("New since the last mail: 1."), "{text}");
    let (new, old) = (text.find(&format!("{} (new)", id(2))).unwrap(), text.find(&id(1)).unwrap());
    assert!(new < old && !text.contains(&format!("{} (new)", id(1))), "{text}");
    assert_ne!(first.header("Message-ID"), second.header("Message-ID"));

    // Somebody comes to hold the first one for a while.
    until(&gateway, SENT, 2.0).await;
    an_hour_later(&db).await;
    let lease = "insert into streamkeeper.leases (kind, subject, holder, lease_seconds, lease_until)
        values ('host', '00000000-0000-4000-8000-000000000001', 'page', 900, now() + interval '900 s')";
    run_sql(&db, lease).await;
    until_asked(&db, 3).await;
    assert!(server.rest().is_empty());
    run_sql(&db, "delete from streamkeeper.leases").await;
    let (text, _) = halves(&server.next().await);
    assert!(text.contains(&format!("{} (new)", id(1))) && !text.contains(&format!("{} (new)", id(2))), "{text}");
}

#[tokio::test]
async fn a_long_list_is_cut_and_counted() {
    let db = TestDatabase::new().await;
    for n in 1..=53 {
        orphan(&db, n, "owner").await;
    }
    let mut server = MailServer::start().await;
    let _gateway = gateway(&db, server.address).await;
    let mail = server.next().await;
    assert_eq!(mail.header("Subject"), "Streamkeeper: 53 orphaned streams");
    let (text, html) = halves(&mail);
    assert_eq!(text.matches("orphan since").count(), 50, "{text}");
    assert!(text.contains("And 3 more.") && html.contains("<p>And 3 more.</p>"), "{text}");
    assert!(text.contains("New since the last mail: 53."), "{text}");
}

#[tokio::test]
async fn a_mail_server_that_refuses_or_is_away_gets_it_later() {
    let db = TestDatabase::new().await;
    orphan(&db, 1, "owner").await;
    let away = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = gateway(&db, away).await;
    until(&gateway, FAILED, 2.0).await;
    let mut server = MailServer::at(away).await;
    assert_eq!(server.next().await.header("Subject"), "Streamkeeper: 1 orphaned stream");
    until(&gateway, SENT, 1.0).await;

    for (n, answer) in [(2, "451 later"), (3, "550 never heard of"), (4, "421 I am leaving")] {
        server.is_now(Mood::Refusing(answer));
        let failed = counter(&gateway, FAILED).await;
        orphan(&db, n, "owner").await;
        an_hour_later(&db).await;
        until(&gateway, FAILED, failed + 2.0).await;
        assert!(server.rest().is_empty());
        server.is_now(Mood::Good);
        let mail = server.next().await;
        // What was tried and not sent is still new.
        assert!(mail.body().contains(&format!("{} (new)", id(n))), "{}", mail.raw);
        until(&gateway, SENT, f64::from(n)).await;
    }
}

#[tokio::test]
async fn a_mail_server_that_says_nothing_stops_nothing_else() {
    let db = TestDatabase::new().await;
    orphan(&db, 1, "owner").await;
    let mut server = MailServer::start().await;
    server.is_now(Mood::Silent);
    let gateway = gateway(&db, server.address).await;
    // Somebody has begun to tell it.
    let claimed = "select claimed_until > now() from streamkeeper.operator_mail";
    while !sqlx::query_scalar::<_, bool>(claimed).fetch_one(&mut db.owner().await).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let sweeps = counter(&gateway, SWEEPS).await;
    until(&gateway, SWEEPS, sweeps + 5.0).await;
    assert_eq!((counter(&gateway, SENT).await, counter(&gateway, FAILED).await), (0.0, 0.0));
    server.is_now(Mood::Good);
    server.next().await;
    until(&gateway, FAILED, 1.0).await;
}

#[tokio::test]
async fn a_gateway_that_dies_with_the_mail_in_its_hands_leaves_it_to_the_others() {
    let db = TestDatabase::new().await;
    count_claims(&db).await;
    orphan(&db, 1, "owner").await;
    let dying: Value = db.caller(Who::Service).await.call("streamkeeper.claim_operator_mail()").await.unwrap();
    let mut server = MailServer::start().await;
    let _gateway = gateway(&db, server.address).await;
    until_asked(&db, 3).await;
    assert!(server.rest().is_empty());
    run_sql(&db, "update streamkeeper.operator_mail set claimed_until = clock_timestamp()").await;
    // The same mail: should it have been sent after all, a reader's program knows it.
    let key = dying["key"].as_str().unwrap();
    assert_eq!(server.next().await.header("Message-ID"), format!("<orphans-{key}@example.org>"));
}

#[tokio::test]
async fn without_a_mail_server_it_is_a_file() {
    let db = TestDatabase::new().await;
    orphan(&db, 1, "owner").await;
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mail-{}", std::process::id()));
    fs::create_dir_all(&directory).unwrap();
    let variables = [
        ("OPERATOR_EMAIL", "ops@example.org"),
        ("MAIL_FROM", "streamkeeper@example.org"),
        ("MAIL_DIR", directory.to_str().unwrap()),
    ];
    let _gateway = Gateway::start_with(db.options(), true, &variables, |config| config.orphans_interval = OFTEN).await;
    let told = "select exists (select from streamkeeper.told_orphans where told_at is not null)";
    while !sqlx::query_scalar::<_, bool>(told).fetch_one(&mut db.owner().await).await.unwrap() {
        tokio::task::yield_now().await;
    }
    let files: Vec<PathBuf> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else { panic!("{files:?}") };
    assert_eq!(file.extension().unwrap(), "eml");
    let raw = fs::read_to_string(file).unwrap().replace("\r\n", "\n");
    let mail = Mail { raw, ..Mail::default() };
    assert_eq!(mail.header("To"), "ops@example.org");
    assert!(mail.body().contains(&id(1)), "{}", mail.raw);
    fs::remove_dir_all(directory).unwrap();
}

#[tokio::test]
async fn the_mail_servers_password_is_used_and_never_shown() {
    let db = TestDatabase::new().await;
    orphan(&db, 1, "owner").await;
    let mut server = MailServer::start().await;
    // base64 of "\0operator\0hunter2/hunter2"
    let right = "AG9wZXJhdG9yAGh1bnRlcjIvaHVudGVyMg==";
    for mood in [Mood::Asking("somebody else's"), Mood::Asking(right)] {
        server.is_now(mood.clone());
        let smtp = format!("smtp://operator:hunter2%2Fhunter2@{}", server.address);
        let variables = [
            ("DATABASE_URL", &*db.url()),
            ("JWT_SECRET", SECRET),
            ("BIND", "127.0.0.1:0"),
            ("RUST_LOG", "trace"),
            ("OPERATOR_EMAIL", "ops@example.org"),
            ("MAIL_FROM", "streamkeeper@example.org"),
            ("SMTP_URL", &*smtp),
        ];
        let (mut child, _, mut log) = serving(&["serve"], &variables).await;
        let mut printed = String::new();
        let last = if mood == Mood::Asking(right) { "told the operator" } else { "could not be told" };
        while !printed.contains(last) {
            printed.push_str(&log.next_line().await.unwrap());
            printed.push('\n');
        }
        signal(&child, "-TERM").await;
        printed.push_str(&log.rest().await);
        assert!(child.wait().await.unwrap().success());
        assert!(!printed.contains("hunter2") && !printed.contains("AG9wZXJhdG9y"), "{printed}");
        assert_eq!(server.rest().len(), usize::from(mood == Mood::Asking(right)));
    }
}

#[tokio::test]
async fn only_the_service_asks_what_to_tell() {
    let db = TestDatabase::new().await;
    orphan(&db, 1, "owner").await;
    for who in [Who::Anon, Who::User("owner"), Who::Admin("admin")] {
        let mut caller = db.caller(who).await;
        for call in ["streamkeeper.claim_operator_mail()", "streamkeeper.settle_operator_mail(true)::text"] {
            assert_eq!(code(caller.call(call).await), "42501", "{who:?} {call}");
        }
    }
    let mut service = db.caller(Who::Service).await;
    for table in ["operator_mail", "told_orphans"] {
        assert_eq!(code(service.rows(&format!("streamkeeper.{table}")).await), "42501", "{table}");
    }
    let report = service.call("streamkeeper.claim_operator_mail()").await.unwrap();
    assert_eq!((&report["total"], &report["new"]), (&json!(1), &json!(1)));
    assert!(service.call("streamkeeper.claim_operator_mail()").await.unwrap().is_null());
    let claimed: i64 = sqlx::query_scalar("select count(*) from streamkeeper.told_orphans where told_at is null")
        .fetch_one(&mut db.owner().await)
        .await
        .unwrap();
    assert_eq!(claimed, 1);
}
