//! Tests of the library and the command, a file per danger.
#![allow(missing_docs)]

mod support;

mod run;
