//! The studio: who gets in, what the pages show, what a form does, and all of it in a browser.

pub mod browser;
pub mod client;
pub mod edits;
pub mod guard;
pub mod pages;
pub mod schema;
pub mod webdriver;
