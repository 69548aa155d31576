//! SQL as text: tokens, statements, scripts with positions, names. No connection.
//! May use `report`.

pub(crate) mod name;
pub(crate) mod script;
pub(crate) mod statement;
pub(crate) mod token;
