//! The program itself, as somebody starts it: with arguments and an environment.

use std::env;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What follows the program's name.
pub type Arguments<'a> = &'a [&'a str];

/// Its whole environment.
pub type Variables<'a> = &'a [(&'a str, &'a str)];

/// The program under test, from `GATEWAY_BIN`.
///
/// # Panics
/// When it is missing: a test of the program that does not run must not pass.
fn binary() -> String {
    env::var("GATEWAY_BIN").expect("GATEWAY_BIN names the built streamkeeper-gateway (`cargo xtask test` sets it)")
}

/// The program with these arguments and these variables, and no others.
pub fn program(arguments: Arguments<'_>, variables: Variables<'_>) -> Command {
    let mut command = Command::new(binary());
    command.args(arguments).env_clear().envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs it to its end: exit code, standard output, standard error.
pub async fn run(arguments: Arguments<'_>, variables: Variables<'_>) -> (i32, String, String) {
    let output = program(arguments, variables).output().await.expect("it starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints text");
    (output.status.code().expect("it was not killed"), text(output.stdout), text(output.stderr))
}

/// What a program has logged, read all the time: a program whose log nobody reads stands still once the pipe is full.
#[derive(Debug)]
pub struct Log(UnboundedReceiver<String>);

impl Log {
    /// The log of a program that was just started.
    ///
    /// # Panics
    /// When its standard error is no pipe, or is taken already.
    pub fn of(child: &mut Child) -> Self {
        let mut lines = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
        let (sender, receiver) = unbounded_channel();
        drop(tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.expect("it prints text") {
                // The program goes on also when its log is not asked for any more.
                drop(sender.send(line));
            }
        }));
        Self(receiver)
    }

    /// The next line; none when it has stopped.
    pub async fn next_line(&mut self) -> Option<String> {
        self.0.recv().await
    }

    /// All that comes until it stops.
    pub async fn rest(&mut self) -> String {
        let mut rest = String::new();
        while let Some(line) = self.next_line().await {
            rest.push_str(&line);
            rest.push('\n');
        }
        rest
    }
}

/// A serving program, its address, and the log behind that line.
///
/// # Panics
/// When it stops before it listens.
pub async fn serving(arguments: Arguments<'_>, variables: Variables<'_>) -> (Child, String, Log) {
    let mut child = program(arguments, variables).spawn().expect("it starts");
    let mut log = Log::of(&mut child);
    while let Some(line) = log.next_line().await {
        if let Some((_, rest)) = line.split_once("listening address=") {
            let address = rest.split(' ').next().expect("there is always a first part").to_owned();
            return (child, format!("http://{address}"), log);
        }
    }
    panic!("it stopped before it listened");
}

/// Sends it a signal: `-TERM`.
pub async fn signal(child: &Child, name: &str) {
    let pid = child.id().expect("it runs").to_string();
    assert!(Command::new("kill").args([name, &pid]).status().await.expect("there is a kill").success());
}
