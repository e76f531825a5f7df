//! What the database says: it is heard, and what may have been missed is known.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use database_tests::TestDatabase;
use gateway_tests::run_sql;
use streamkeeper_gateway::listen::{Listener, News, Subscription};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What is said on a channel, as a subscriber hears it.
fn said(payload: &str) -> News {
    News::Said(payload.into())
}

/// Waits until it listens. On a busy machine an attempt to connect may fail first.
async fn until_listening(subscription: &mut Subscription) {
    loop {
        match subscription.next().await {
            News::Away => {}
            news => break assert_eq!(news, News::Listening),
        }
    }
}

async fn cut(db: &TestDatabase) {
    run_sql(
        db,
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .await;
}

#[tokio::test]
async fn each_channel_is_heard_by_all_who_subscribed_to_it_and_by_nobody_else() {
    let db = TestDatabase::new().await;
    let mut listener = Listener::new(db.options());
    let (mut first, mut second, mut other) =
        (listener.subscribe("t_one"), listener.subscribe("t_one"), listener.subscribe("t_Other"));
    let _running = tokio::spawn(listener.run());
    for subscription in [&mut first, &mut second, &mut other] {
        until_listening(subscription).await;
    }
    run_sql(&db, "notify t_one, 'a'; select pg_notify('t_Other', 'b'), pg_notify('t_one', 'c')").await;
    for subscription in [&mut first, &mut second] {
        assert_eq!([subscription.next().await, subscription.next().await], [said("a"), said("c")]);
        assert_eq!(subscription.ready(), None);
    }
    assert_eq!((other.next().await, other.ready()), (said("b"), None));
}

#[tokio::test]
async fn a_lost_connection_is_told_and_so_is_the_next_one() {
    let db = TestDatabase::new().await;
    let mut listener = Listener::new(db.options());
    let mut subscription = listener.subscribe("t_one");
    let _running = tokio::spawn(listener.run());
    for round in ["first", "second"] {
        until_listening(&mut subscription).await;
        run_sql(&db, &format!("notify t_one, '{round}'")).await;
        assert_eq!(subscription.next().await, said(round));
        cut(&db).await;
        assert_eq!(subscription.next().await, News::Away);
    }
    until_listening(&mut subscription).await;
}

#[tokio::test]
async fn a_subscriber_that_is_too_far_behind_looks_for_itself() {
    let db = TestDatabase::new().await;
    let mut listener = Listener::new(db.options());
    let (mut slow, mut quick) = (listener.subscribe("t_one"), listener.subscribe("t_one"));
    let _running = tokio::spawn(listener.run());
    until_listening(&mut slow).await;
    until_listening(&mut quick).await;
    // Every one of them is another one: PostgreSQL tells the same twice in one transaction once.
    run_sql(&db, "select pg_notify('t_one', n::text) from generate_series(1, 3000) n").await;
    while quick.next().await != said("3000") {}
    assert_eq!(slow.next().await, News::Listening);
}

/// A way to the database that can be closed without a word: what is sent then arrives nowhere.
async fn way_to(database: SocketAddr) -> (SocketAddr, watch::Sender<bool>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (open, is_open) = watch::channel(true);
    tokio::spawn(async move {
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            let mut is_open = is_open.clone();
            tokio::spawn(async move {
                is_open.wait_for(|open| *open).await.unwrap();
                let mut far = TcpStream::connect(database).await.unwrap();
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                    _ = async { drop(is_open.wait_for(|open| !open).await) } => std::future::pending().await,
                }
            });
        }
    });
    (address, open)
}

#[tokio::test]
async fn a_connection_that_breaks_without_a_word_is_found_out() {
    let db = TestDatabase::new().await;
    let server = SocketAddr::new(db.options().get_host().parse().unwrap(), db.options().get_port());
    let (address, open) = way_to(server).await;
    let options = db.options().host("127.0.0.1").port(address.port());
    let mut listener = Listener::new(options).with_pulse(Duration::from_millis(50));
    let mut subscription = listener.subscribe("t_one");
    let _running = tokio::spawn(listener.run());
    until_listening(&mut subscription).await;
    open.send(false).unwrap();
    assert_eq!(subscription.next().await, News::Away);
    open.send(true).unwrap();
    until_listening(&mut subscription).await;
}
