//! What must be so in the end, whatever has happened: from every state, a world that means well leads there.

use super::explore::Model;
use super::world::{Event, World};
use streamkeeper::engine::{Millis, PageEvent};

/// Longer than any pause that a few faults can have led to.
const HORIZON: Millis = 4 * 60_000;

/// # Errors
/// What is not as it should be.
pub fn comes_to_rest(world: &World) -> Result<(), String> {
    let mut world = world.clone();
    settle(&mut world)?;
    for tab in world.alive() {
        let page = &world.tabs[tab];
        if !page.calls.is_empty() {
            return Err(format!("{:?} are never settled", page.calls));
        }
        let status = world.status(tab);
        // Whoever has left a stream that another page holds hears of it no more.
        let holds = page.joined && !world.refused;
        if holds && world.database.ended.is_some() && !matches!(status.as_str(), "ended" | "") {
            return Err(format!("the stream has ended, and a page shows {status}"));
        }
        if holds && world.database.ended.is_none() && status != "live" {
            return Err(format!("its host is there, the stream is live, and the page shows {status}"));
        }
        chat_is_right(&world, tab)?;
    }
    if world.alive().next().is_none() {
        // What the last page owed is for the next one.
        world.open()?;
        settle(&mut world)?;
    }
    if world.intended && !world.refused && world.database.ended.is_none() {
        return Err("the stream was to end, and is live".to_owned());
    }
    if world.database.ends > 1 {
        return Err("the stream has ended twice".to_owned());
    }
    match world.stored.keys().next() {
        Some(key) => Err(format!("{key} is owed for ever")),
        None => Ok(()),
    }
}

fn chat_is_right(world: &World, tab: usize) -> Result<(), String> {
    let page = &world.tabs[tab];
    let snapshot = page.manager.snapshot();
    let chat = snapshot.get("chat");
    let field = |name| chat.and_then(|chat| chat.text(name));
    match (page.user, field("status"), field("userId")) {
        (Some(user), Some("connected"), Some(connected)) if user == connected => Ok(()),
        (None, Some("disconnected"), _) => Ok(()),
        (user, status, connected) => Err(format!("{user:?} is to be connected; chat is {status:?} of {connected:?}")),
    }
}

/// All that is asked is done, every page is looked at, and time passes.
fn settle(world: &mut World) -> Result<(), String> {
    for tab in world.alive().collect::<Vec<_>>() {
        world.step(Event::Page(tab, PageEvent::Visible))?;
        world.step(Event::Page(tab, PageEvent::Online))?;
    }
    let end = world.now + HORIZON;
    loop {
        if let Some(event) = world.natural() {
            world.step(event)?;
        } else if world.next_wakeup().is_some_and(|at| at <= end) {
            world.step(Event::Wake)?;
        } else {
            return Ok(());
        }
    }
}
