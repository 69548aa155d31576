//! Migration files: their names, the layouts of other tools, files paired to migrations. May use
//! `migration::label` and `migration::set`.

pub(crate) mod layout;
pub(crate) mod name;
pub(crate) mod pair_up;
pub(crate) mod sections;
pub(crate) mod source;
