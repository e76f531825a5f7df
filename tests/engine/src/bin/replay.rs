//! `cargo xtask replay`: steps through a page's trace, or through a schedule of the simulation.

use engine_tests::model::worlds;
use engine_tests::replay::recording::Recording;
use engine_tests::replay::schedule::Schedule;
use engine_tests::replay::walk::{Moment, Stop, Walk};
use engine_tests::replay::words;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use streamkeeper::engine::Millis;

const USAGE: &str = "cargo xtask replay FILE|-|WORLD:SEED [--step] [--quiet]";

/// How much is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    /// The verdict.
    Quiet,
    /// Everything.
    All,
    /// Everything, and each thing waits for Enter.
    Step,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        // Whoever has seen enough closes the pipe.
        Err(why) if why.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

fn run() -> io::Result<ExitCode> {
    let (mut what, mut telling) = (None, Telling::All);
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--step" => telling = Telling::Step,
            "--quiet" => telling = Telling::Quiet,
            option if option.starts_with("--") => return Err(usage(&format!("unknown option `{option}`"))),
            _ if what.is_none() => what = Some(argument),
            other => return Err(usage(&format!("unknown argument `{other}`"))),
        }
    }
    let what = what.ok_or_else(|| usage("nothing to replay"))?;
    if what == "-" && telling == Telling::Step {
        return Err(usage("--step reads the terminal, and - the trace from the same place"));
    }
    match what.split_once(':').and_then(|(world, seed)| Some((world, worlds::named(world)?, seed))) {
        Some((name, world, seed)) => {
            let seed = seed.parse().map_err(|_| usage(&format!("`{seed}` is no seed")))?;
            let (history, result) = worlds::schedule(&world, seed);
            tell_schedule(Schedule::new(world.clone(), history), telling)?;
            let Err(rule) = result else {
                say(&format!("{name}:{seed} breaks no rule"))?;
                return Ok(ExitCode::SUCCESS);
            };
            say(&format!("{name}:{seed} breaks a rule: {rule}\n"))?;
            if let Err(least) = worlds::try_schedule(&world, seed) {
                say("All that it takes:")?;
                tell_schedule(Schedule::new(world, least.history), telling)?;
            }
            Ok(ExitCode::FAILURE)
        }
        None => {
            let recording = Recording::read(&text(&what)?).map_err(io::Error::other)?;
            tell_trace(Walk::new(&recording), telling)
        }
    }
}

fn usage(why: &str) -> io::Error {
    io::Error::other(format!("{why}; the usage is `{USAGE}`"))
}

fn text(file: &str) -> io::Result<String> {
    let mut text = String::new();
    if file == "-" {
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    let worlds = worlds::NAMES.join(", ");
    std::fs::read_to_string(file).map_err(|why| {
        io::Error::other(format!("{file} is neither a trace ({why}) nor WORLD:SEED with a world of {worlds}"))
    })
}

fn tell_trace(mut walk: Walk, telling: Telling) -> io::Result<ExitCode> {
    let (start, mut moments, mut last) = (walk.start(), 0_u32, walk.start());
    loop {
        match walk.step() {
            Ok(Some(moment)) => {
                (moments, last) = (moments + 1, moment.at);
                tell(start, &moment, telling)?;
            }
            Ok(None) => {
                let over = words::since(start, last);
                say(&format!("the same: {moments} entries with all that came of them, over {over}"))?;
                return Ok(ExitCode::SUCCESS);
            }
            Err(Stop::Refused(why)) => return Err(io::Error::other(why)),
            Err(differs @ Stop::Differs { at, .. }) => {
                say(&format!("at {}: {differs}", words::since(start, at)))?;
                return Ok(ExitCode::FAILURE);
            }
        }
    }
}

fn tell_schedule(mut schedule: Schedule, telling: Telling) -> io::Result<()> {
    let start = schedule.now();
    loop {
        match schedule.step() {
            Ok(Some(moment)) => tell(start, &moment, telling)?,
            Ok(None) => return Ok(()),
            Err((moment, rule)) => {
                tell(start, &moment, telling)?;
                return if telling == Telling::Quiet { Ok(()) } else { say(&format!("    ✗ {rule}")) };
            }
        }
    }
}

fn tell(start: Millis, moment: &Moment, telling: Telling) -> io::Result<()> {
    if telling == Telling::Quiet {
        return Ok(());
    }
    say(&format!("{}  {}", words::since(start, moment.at), moment.input))?;
    for line in &moment.lines {
        say(&format!("    {line}"))?;
    }
    if telling == Telling::Step {
        io::stdin().read_line(&mut String::new())?;
    }
    Ok(())
}

/// Not `println!`, which panics when nobody reads any more.
fn say(line: &str) -> io::Result<()> {
    writeln!(io::stdout(), "{line}")
}
