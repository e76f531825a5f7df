//! The kernel of events: who is there, when one is over, and what its host is told.

mod ending;
mod nodes;
mod outages;
mod presence;
mod stage;
mod streams;
