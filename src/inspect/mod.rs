//! Looking: status, description, sizes, `doctor`, log. Writes nothing. May use `restore`,
//! `backup`, `migration`, `sqlite` and `report`.

pub(crate) mod compare;
pub(crate) mod describe;
pub(crate) mod description;
pub(crate) mod doctor;
pub(crate) mod log;
pub(crate) mod pragmas;
pub(crate) mod problem;
pub(crate) mod sizes;
pub(crate) mod stats;
pub(crate) mod status;
