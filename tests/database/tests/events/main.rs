//! The kernel of events: who is there, when one is over, and what its host is told.

mod bad_input;
mod ending;
mod histories;
mod hosts;
mod nodes;
mod notices;
mod outages;
mod presence;
mod stage;
mod streams;
