//! All routes and what holds for every one of them: limits, CORS, logs, and an orderly end.

use std::future::{Future, IntoFuture};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RANGE};
use axum::http::{HeaderName, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::trace::{DefaultOnResponse, TraceLayer};
use tracing::{Level, info_span, warn};

use crate::admin::guarded;
use crate::auth::Auth;
use crate::config::Config;
use crate::connections::{Patient, Peer, connected};
use crate::database::Database;
use crate::error::ApiError;
use crate::events::Events;
use crate::health::health;
use crate::listen::Listener;
use crate::metrics::Counters;
use crate::notices::Worker;
use crate::relay::Relays;
use crate::rooms::listing::{CHANNEL, Readers, Source};
use crate::rpc::{ROUTE, Rpc, rpc};
use crate::stopping::Stopping;
use crate::{cron, demo, events, metrics, operator, orphans, relay, rooms, sweeper, webhooks};

/// More than any call of ours needs; a keepalive request of a browser has 64 KiB for all of them together.
const MAX_BODY_BYTES: usize = 64 * 1024;

/// Longer than a statement may run, so that the database is normally the one to give up.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);

/// Longer than any request may take: what is still there then waits for a client that says and takes nothing.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(25);

/// Browsers keep it for as long as they like, and the last call of a page can do without a preflight.
const PREFLIGHT_LIFETIME: Duration = Duration::from_secs(86_400);

/// Serves, and cleans up all the while, until `shutdown` is done and the requests under way have been answered,
/// or could have been.
pub async fn serve(
    listener: TcpListener,
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let database = Database::new(config.database.clone(), config.connect_timeout);
    let counters = Counters::default();
    let auth = Arc::new(Auth::new(&config));
    let (shutdown, stopping) = Stopping::by(shutdown);
    let mut listen = Listener::new(config.database.clone());
    let listing = Source::new(database.clone(), listen.subscribe(CHANNEL), counters.clone());
    let readers = Readers::of(&listing, config.listing, config.proxy_hops, stopping.clone(), counters.clone());
    let out_of_patience = out_of_patience(stopping.clone(), config.stop_patience);
    let notices = Worker::new(&config, database.clone(), counters.events.clone()).run(stopping.clone());
    let notices = tokio::spawn(notices);
    let events = Events::new(&config, database.clone(), Arc::clone(&auth), counters.events.clone());
    let heard = listen.subscribe(events::CHANNEL);
    let relays = Relays::new(&config, database.clone(), Arc::clone(&auth), counters.relay.clone())?;
    let relayed = listen.subscribe(relay::CHANNEL);
    let features = Features {
        address: listener.local_addr()?,
        auth: Arc::clone(&auth),
        readers,
        events: Arc::clone(&events),
        relays: Arc::clone(&relays),
        stopping,
    };
    let app = routes(&config, &database, &counters, features);
    // Players are let go at once; viewers are handed over, which takes a moment.
    let shutdown = events.before_the_end(relays.before_the_end(shutdown));
    drop(tokio::spawn(async move { auth.prepare().await }));
    let (patience, head_patience) = (config.write_patience, config.head_patience);
    let connections = Patient { listener, patience, head_patience, counters: counters.clone() };
    let app = app.into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(connections, app).with_graceful_shutdown(shutdown).into_future();
    tokio::select! {
        served = server => served?,
        () = out_of_patience => warn!("stopped with requests under way"),
        never = listen.run() => match never {},
        never = listing.run() => match never {},
        never = events.run(heard) => match never {},
        never = relays.run(relayed) => match never {},
        never = sweeper::run(&database, &counters, config.sweep_interval) => match never {},
        never = rooms::upkeep::run(&database, &counters, config.sweep_interval, config.rooms_interval) => match never {},
        never = cron::run(&database, &counters, config.cron_interval) => match never {},
        never = orphans::run(&database, config.operator.as_ref(), &counters, config.orphans_interval) => match never {},
    }
    // It knows for itself how long it may take.
    let _ = notices.await;
    database.close().await;
    Ok(())
}

/// Waits until the process is asked to stop, and this much longer.
async fn out_of_patience(mut stopping: Stopping, patience: Duration) {
    stopping.wait().await;
    sleep(patience).await;
}

/// What the routes are of.
struct Features {
    address: SocketAddr,
    auth: Arc<Auth>,
    readers: Readers,
    events: Arc<Events>,
    relays: Arc<Relays>,
    stopping: Stopping,
}

fn routes(config: &Config, database: &Database, counters: &Counters, features: Features) -> Router {
    let Features { address, auth, readers, events, relays, stopping } = features;
    let calls = Arc::new(Rpc { auth, database: database.clone(), functions: config.functions });
    let mut api = Router::new().route(ROUTE, any(rpc)).with_state(Arc::clone(&calls));
    api = api.merge(rooms::routes(Arc::clone(&calls), readers)).merge(events::routes(events, calls));
    api = api.merge(relay::routes(Arc::clone(&relays)));
    let mut app = Router::new().route("/health", get(health).with_state(database.clone()));
    app = app.merge(guarded(metrics::routes(counters.clone(), database.clone()), config));
    app = app.merge(guarded(operator::routes(database.clone()), config));
    app = app.merge(guarded(relay::debug_routes(Arc::clone(&relays)), config));
    app = app.merge(webhooks::routes(config, database, counters));
    app = operator::serve(app, config.operator_directory.as_deref());
    match &config.demo {
        None => app = app.fallback(unknown_path),
        Some(demo) => {
            let demo = demo::Demo::new(config, demo, address, database.clone(), stopping);
            api = demo.with_faults(api);
            app = app.merge(demo.routes());
        }
    }
    // Method and path only: tokens come in headers, and arguments may come in the query.
    let span = |request: &Request| info_span!("request", method = %request.method(), path = request.uri().path());
    let trace =
        TraceLayer::new_for_http().make_span_with(span).on_response(DefaultOnResponse::new().level(Level::INFO));

    // A preflight is a wrong method as well, unless CORS sees it first.
    let api = api.method_not_allowed_fallback(wrong_method).layer(cors(config));
    // The demo's own routes are not for other origins, because they hand out tokens; webhooks are for no page at all.
    let app = app.merge(api).method_not_allowed_fallback(wrong_method);
    let app = app.layer(from_fn(in_time)).layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    let app = metrics::counted(app, counters.clone(), config.functions).layer(trace);
    // Not logged: their addresses are what lets a player in, and there are as many as segments. The rest holds for them, too.
    let proxies = relay::proxies(relays).method_not_allowed_fallback(wrong_method).layer(cors(config));
    let proxies = metrics::counted(proxies.layer(from_fn(in_time)), counters.clone(), config.functions);
    app.merge(proxies).layer(from_fn(connected))
}

fn cors(config: &Config) -> CorsLayer {
    let origins = config.cors_origins.as_ref().map_or_else(AllowOrigin::any, |list| AllowOrigin::list(list.clone()));
    let ours = ["apikey", "content-profile", "accept-profile", "x-client-info", "prefer", "idempotency-key"]
        .map(HeaderName::from_static);
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::GET, Method::HEAD, Method::POST, Method::DELETE])
        .allow_headers([AUTHORIZATION, CONTENT_TYPE, ACCEPT, RANGE].into_iter().chain(ours).collect::<Vec<_>>())
        .max_age(PREFLIGHT_LIFETIME)
}

async fn in_time(request: Request, next: Next) -> Response {
    timeout(REQUEST_TIMEOUT, next.run(request)).await.unwrap_or_else(|_| {
        let message = format!("The request took longer than {} seconds.", REQUEST_TIMEOUT.as_secs());
        ApiError::new(StatusCode::GATEWAY_TIMEOUT, "57014", message).into_response()
    })
}

async fn wrong_method() -> ApiError {
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "PGRST117", "Unsupported HTTP method for this path")
}

pub(crate) async fn unknown_path() -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "PGRST125", "Invalid path specified in request URL")
}
