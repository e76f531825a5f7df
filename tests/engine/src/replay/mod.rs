//! Steps through what has happened: a page's trace, which is replayed and compared, or a schedule of the simulation.
//!
//! [`json`] reads the file, [`recording`] what is in it and [`input`] each input; [`walk`] replays it; [`schedule`] steps
//! through a seed of [`crate::model`]; [`words`] is how either is told to a person.

pub mod input;
pub mod json;
pub mod recording;
pub mod schedule;
pub mod walk;
pub mod words;
