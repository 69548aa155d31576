//! SQL as text: tokens, statements, scripts with positions, names. No connection.

#[cfg(feature = "devtools")]
pub(crate) mod highlight;
pub(crate) mod name;
pub(crate) mod script;
pub(crate) mod statement;
pub(crate) mod token;
