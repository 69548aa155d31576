//! HTTP: what a browser asks, who may ask it, and what it is answered. Knows nothing of databases.

pub(crate) mod guard;
pub(crate) mod keys;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod server;
