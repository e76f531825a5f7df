//! `streamkeeper-gateway`: see [`cli::USAGE`].

mod cli;

use std::env;
use std::io::{IsTerminal, Write, stderr, stdout};
use std::process::ExitCode;

use cli::{Command, USAGE};
use sqlx::{ConnectOptions, Connection};
use streamkeeper_gateway::commands::{self, CommandError, Output, close_chats, doctor, monitor_chat, test_chat};
use streamkeeper_gateway::config::{Config, ConfigError, database_options};
use streamkeeper_gateway::migrate::migrate;
use streamkeeper_gateway::notices;
use streamkeeper_gateway::serve;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing::info;
use tracing_subscriber::EnvFilter;

/// Why the program stops: somebody has to change its settings, or the world around it.
enum Failure {
    Settings(String),
    World(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Settings(error.to_string())
    }
}

impl From<CommandError> for Failure {
    fn from(error: CommandError) -> Self {
        Self::World(error.to_string())
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => code,
        Err(Failure::Settings(line)) => {
            eprintln!("streamkeeper-gateway: {line}");
            ExitCode::from(2)
        }
        Err(Failure::World(line)) => {
            eprintln!("streamkeeper-gateway: {line}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<ExitCode, Failure> {
    let command = cli::parse(env::args().skip(1)).map_err(Failure::Settings)?;
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let colours = stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(stderr).with_ansi(colours).init();

    let database = || database_options(&variable);
    match command {
        Command::Help => print(Output { text: format!("{USAGE}\n"), success: true }),
        Command::Migrate => run_migrate().await.map(|()| ExitCode::SUCCESS),
        Command::Serve { demo } => run_serve(demo).await.map(|()| ExitCode::SUCCESS),
        Command::MonitorChat { json } => print(monitor_chat(&database()?, json).await?),
        Command::TestChat => print(test_chat(&database()?).await?),
        Command::CloseChats => print(close_chats(&database()?).await?),
        Command::Notices => print(commands::notices(&database()?).await?),
        Command::Doctor(arguments) => run_doctor(&arguments).await,
    }
}

async fn run_doctor(arguments: &[String]) -> Result<ExitCode, Failure> {
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        return print(Output { text: doctor::USAGE.to_owned(), success: true });
    }
    let settings = doctor::Settings::read(arguments, &variable).map_err(Failure::Settings)?;
    print(doctor::doctor(&settings).await?)
}

fn print(output: Output) -> Result<ExitCode, Failure> {
    let printed = stdout().write_all(output.text.as_bytes());
    printed.map_err(|error| Failure::World(format!("standard output: {error}")))?;
    Ok(if output.success { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn variable(name: &str) -> Option<String> {
    env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

async fn run_migrate() -> Result<(), Failure> {
    let database = database_options(&variable)?;
    let failed = |error: sqlx::Error| Failure::World(format!("the migrations were not applied: {error}"));
    let mut connection = database.connect().await.map_err(failed)?;
    let applied = migrate(&mut connection).await.map_err(failed)?;
    info!(?applied, "the database is up to date");
    connection.close().await.map_err(failed)?;
    let failed = |error| Failure::World(format!("the queue of notices was not made: {error}"));
    notices::migrate(database_options(&variable)?).await.map_err(failed)
}

async fn run_serve(demo: bool) -> Result<(), Failure> {
    let config = Config::from_variables(demo, &variable)?;
    // Before anything is announced: from here on neither signal kills a request that is under way.
    let failed = |error: std::io::Error| Failure::World(format!("the signal handlers could not be set: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let shutdown = async move {
        tokio::select! {
            _ = interrupt.recv() => info!("SIGINT: stopping"),
            _ = terminate.recv() => info!("SIGTERM: stopping"),
        }
    };

    let bind = config.bind;
    let listener = TcpListener::bind(bind)
        .await
        .map_err(|error| Failure::Settings(format!("BIND {bind} cannot be used: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::World(error.to_string()))?;
    info!(%address, demo, "listening");
    serve(listener, config, shutdown).await.map_err(|error| Failure::World(error.to_string()))?;
    info!("stopped");
    Ok(())
}
