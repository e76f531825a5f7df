//! Commands in the foreground.
//!
//! Every child leads a process group of its own: Ctrl-C in the terminal reaches us alone, and we take each child down in
//! order, with whatever it has started itself.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use crate::failure::{Context, Failure, Result};

const TICK: Duration = Duration::from_millis(20);
const PATIENCE: Duration = Duration::from_secs(10);
static INTERRUPTED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on Ctrl-C, SIGTERM and a closed terminal end what we do in an orderly way.
pub fn catch_signals() -> Result<()> {
    let flag = INTERRUPTED.get_or_init(Arc::default);
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag)).context(|| "cannot listen to signals")?;
    }
    Ok(())
}

/// Fails once we have been asked to stop.
pub fn check_interrupted() -> Result<()> {
    match INTERRUPTED.get().is_some_and(|flag| flag.load(Ordering::Relaxed)) {
        true => Err(Failure::Interrupted),
        false => Ok(()),
    }
}

/// Tells the person what takes time.
pub fn say(what: impl AsRef<str>) {
    eprintln!("xtask: {}", what.as_ref());
}

/// A command without standard input: nothing here asks questions.
pub fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null()).process_group(0);
    command
}

/// Runs a command to its end; its output is ours.
pub fn run(command: &mut Command) -> Result<()> {
    let status = status(command)?;
    succeeded(command, status)
}

/// Runs a command to its end; its output is ours, and what its end means is for the caller to say.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    wait(&mut spawn(command)?, None)
}

/// Runs a command to its end and returns what it printed, which the person sees only if it failed.
pub fn capture(command: Command) -> Result<String> {
    capture_within(command, None)
}

/// Like [`capture`], with a limit after which it has failed.
pub fn capture_within(command: Command, limit: Option<Duration>) -> Result<String> {
    let shown = describe(&command);
    let (status, output) = collect(command, limit)?;
    match status.success() {
        true => Ok(output),
        false => Err(Failure::because(format!("`{shown}` failed ({status})\n{}", last_lines(&output, 30)))),
    }
}

/// Runs a command to its end, for at most `limit`: how it ended, and all that it printed.
pub fn collect(mut command: Command, limit: Option<Duration>) -> Result<(ExitStatus, String)> {
    let (mut reader, writer) = io::pipe().context(|| "cannot make a pipe")?;
    command.stdout(writer.try_clone().context(|| "cannot share a pipe")?).stderr(writer);
    let mut child = spawn(&mut command)?;
    drop(command); // closes our ends of the pipe, so that the reader sees the child's end
    let output = thread::spawn(move || {
        let mut bytes = Vec::new();
        let _partial = reader.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    });
    let status = wait(&mut child, limit)?;
    Ok((status, output.join().unwrap_or_default()))
}

/// Starts a command.
pub fn spawn(command: &mut Command) -> Result<Child> {
    check_interrupted()?;
    command.spawn().context(|| format!("cannot run `{}`", describe(command)))
}

/// Repeats `done` until it is true, for at most `limit`; `what` reads on from "error:".
pub fn wait_until(what: &str, limit: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let start = Instant::now();
    while !done()? {
        check_interrupted()?;
        if start.elapsed() > limit {
            return Err(Failure::because(format!("{what} within {} s", limit.as_secs())));
        }
        thread::sleep(TICK);
    }
    Ok(())
}

/// Stops a child and everything in its group: politely, then not.
pub fn stop(child: &mut Child, signal: Signal) {
    for signal in [signal, Signal::SIGKILL] {
        let start = Instant::now();
        signal_group(child, signal);
        while start.elapsed() < PATIENCE {
            // An error means that there is nothing left to wait for.
            if !matches!(child.try_wait(), Ok(None)) {
                // Whatever it has left behind goes as well.
                return signal_group(child, Signal::SIGKILL);
            }
            thread::sleep(TICK);
        }
    }
}

/// The end of a log.
pub fn last_lines(log: &str, count: usize) -> String {
    let lines: Vec<&str> = log.trim_end().lines().collect();
    lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
}

fn wait(child: &mut Child, limit: Option<Duration>) -> Result<ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().context(|| "cannot wait for a child")? {
            return Ok(status);
        }
        let interrupted = check_interrupted();
        if interrupted.is_err() || limit.is_some_and(|limit| start.elapsed() > limit) {
            stop(child, Signal::SIGTERM);
            return interrupted.and(Err(Failure::because("it took too long")));
        }
        thread::sleep(TICK);
    }
}

fn signal_group(child: &Child, signal: Signal) {
    if let Ok(leader) = i32::try_from(child.id()) {
        // It may have ended a moment ago.
        let _gone = killpg(Pid::from_raw(leader), signal);
    }
}

fn succeeded(command: &Command, status: ExitStatus) -> Result<()> {
    match status.success() {
        true => Ok(()),
        false => Err(Failure::because(format!("`{}` failed ({status})", describe(command)))),
    }
}

/// The command as a person would type it, with the program's name alone.
fn describe(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = command(Path::new("sh"));
        command.args(["-c", script]);
        command
    }

    #[test]
    fn captures_both_outputs_and_shows_them_with_the_failure() {
        assert_eq!(capture(shell("echo out; echo err >&2")).unwrap(), "out\nerr\n");
        let Err(Failure::Because(why)) = capture(shell("echo reason; exit 3")) else { panic!("it cannot succeed") };
        assert!(why.starts_with("`sh -c") && why.ends_with("(exit status: 3)\nreason"), "{why}");
    }

    #[test]
    fn stops_what_takes_too_long_with_its_children() {
        let limit = Some(Duration::from_millis(100));
        let start = Instant::now();
        assert!(capture_within(shell("sleep 60 & sleep 60"), limit).is_err());
        assert!(start.elapsed() < Duration::from_secs(5));
    }

    #[test]
    fn keeps_the_end_of_a_log() {
        assert_eq!(last_lines("a\nb\nc\n", 2), "b\nc");
        assert_eq!(last_lines("a\n", 2), "a");
        assert_eq!(last_lines("", 2), "");
    }
}
