//! The program itself, as somebody starts it: with arguments and an environment.

use std::env;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

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

/// A serving program, its address, and the log behind that line.
///
/// # Panics
/// When it stops before it listens.
pub async fn serving(
    arguments: Arguments<'_>,
    variables: Variables<'_>,
) -> (Child, String, Lines<BufReader<ChildStderr>>) {
    let mut child = program(arguments, variables).spawn().expect("it starts");
    let mut log = BufReader::new(child.stderr.take().expect("it is a pipe")).lines();
    while let Some(line) = log.next_line().await.expect("it prints text") {
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
