//! A schedule of the simulation, told as a page's trace is: each event, and what the tabs made of it.

use super::walk::Moment;
use super::words;
use crate::model::explore::{Model, guarded};
use crate::model::world::{Event, World};
use streamkeeper::engine::{Millis, Value};

/// A schedule on its way.
#[derive(Debug)]
pub struct Schedule {
    world: World,
    history: std::vec::IntoIter<Event>,
    /// Of each tab, the entries of its trace that have been told, and its snapshot then.
    seen: Vec<(usize, Value)>,
}

impl Schedule {
    /// At the beginning.
    pub fn new(world: World, history: Vec<Event>) -> Schedule {
        let mut schedule = Schedule { world, history: history.into_iter(), seen: Vec::new() };
        // How the world was made is no part of the schedule.
        schedule.news();
        schedule
    }

    /// When that is.
    pub fn now(&self) -> Millis {
        self.world.now()
    }

    /// The next event and what came of it, until there is none.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn step(&mut self) -> Result<Option<Moment>, (Moment, String)> {
        let Some(event) = self.history.next() else { return Ok(None) };
        let result = guarded(|| self.world.step(event));
        let moment = Moment { at: self.now(), input: told(event), lines: self.news() };
        match result {
            Ok(()) => Ok(Some(moment)),
            Err(rule) => Err((moment, rule)),
        }
    }

    /// What the tabs have done since the last time.
    fn news(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        for (tab, manager) in self.world.managers().enumerate() {
            let after = manager.snapshot();
            if self.seen.len() == tab {
                self.seen.push((0, after.clone()));
            }
            let (kept, snapshot) = &mut self.seen[tab];
            let told = manager.traced().from(*kept).filter_map(|entry| match entry.kind {
                "input" => Some(format!("← {}", words::input(&entry.what))),
                "output" => Some(format!("→ {}", words::output(&entry.what))),
                _ => None,
            });
            let changes = words::changes(snapshot, &after).into_iter().map(|change| format!("· {change}"));
            lines.extend(told.chain(changes).map(|line| format!("tab {tab} {line}")));
            (*kept, *snapshot) = (manager.traced().kept(), after);
        }
        lines
    }
}

fn told(event: Event) -> String {
    match event {
        Event::Wake => "time passes".to_owned(),
        Event::Answered(tab, call) => format!("tab {tab}'s call {call} is answered by the database"),
        Event::AnswerLost(tab, call) => format!("tab {tab}'s call {call} reaches the database, and the answer is lost"),
        Event::Failed(tab, call, 0) => format!("tab {tab}'s call {call} reaches nobody"),
        Event::Failed(tab, call, status) => format!("tab {tab}'s call {call} fails with {status}"),
        Event::Refused(tab, call) => format!("tab {tab}'s call {call} is refused by the database"),
        Event::Done(tab, generation) => format!("tab {tab}'s chat connection {} gets what it waits for", generation.0),
        Event::Undone(tab, generation) => format!("tab {tab}'s chat connection {} fails, or is lost", generation.0),
        Event::Page(tab, event) => format!("tab {tab} is told: {}", event.name()),
        Event::Meeting(tab, name) => format!("tab {tab}'s meeting says {name}"),
        Event::Detach(tab) => format!("tab {tab} lets go of its meeting"),
        Event::Attach(tab) => format!("tab {tab} attaches its meeting"),
        Event::End(tab) => format!("somebody ends the stream in tab {tab}"),
        Event::Connect(tab, user) => format!("{user} connects in tab {tab}"),
        Event::SignOut(tab) => format!("somebody signs out in tab {tab}"),
        Event::Reconnect(tab, force) => {
            format!("somebody reconnects in tab {tab}{}", if force { ", whatever there is" } else { "" })
        }
        Event::Grant(at) => format!("the browser grants lock {at} of the outbox"),
        Event::News(at) => format!("news {at} of the outbox reaches its tab"),
        Event::Close(tab) => format!("tab {tab} is closed"),
        Event::Kill(tab) => format!("tab {tab} is killed"),
        Event::Open => "another tab is opened".to_owned(),
        Event::Sweep => "the database lets go of what nobody holds".to_owned(),
    }
}
