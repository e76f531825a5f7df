//! The real manager in a small adversarial world: every history up to a depth, and random ones that are longer.
//!
//! [`world`] is the world, [`rules`] what must be so in the end; [`explore`] tries everything, breadth first, and
//! [`canonical`] is what makes two states the same one for it; [`wander`] tries what a seed says.

pub mod canonical;
pub mod explore;
pub mod rules;
pub mod wander;
pub mod world;
pub mod worlds;
