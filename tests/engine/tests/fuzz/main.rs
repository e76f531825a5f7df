//! What comes from JavaScript, from storages and from servers, in every shape but the right one.

mod arguments;
mod inputs;
