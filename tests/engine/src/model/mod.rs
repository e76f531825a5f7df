//! Model checking of the real manager: every history of a small adversarial world, up to a depth, breadth first.
//!
//! [`explore`] is the search, [`world`] the world, [`canonical`] what makes two states the same one.

pub mod canonical;
pub mod explore;
pub mod rules;
pub mod world;
