//! The picture of a schema: which tables refer to which (`graph`), where each stands (`place`), and
//! how that is drawn (`draw`). May use `studio::read`.

pub(crate) mod draw;
pub(crate) mod graph;
pub(crate) mod place;
