//! Some icons of Lucide 1.62.0 (<https://lucide.dev>), ISC License, Copyright (c) 2026 Lucide Icons
//! and Contributors; `LUCIDE-LICENSE` beside this file. Unchanged but for their spaces.

use maud::{Markup, PreEscaped, html};

/// The inside of an icon.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Icon(&'static str);

pub(crate) const OVERVIEW: Icon = Icon(
    r##"<rect width="7" height="9" x="3" y="3" rx="1"/><rect width="7" height="5" x="14" y="3" rx="1"/><rect width="7" height="9" x="14" y="12" rx="1"/><rect width="7" height="5" x="3" y="16" rx="1"/>"##,
);
pub(crate) const TABLE: Icon = Icon(
    r##"<path d="M3 9h18"/><path d="M9 3v18"/><rect x="3" y="3" width="18" height="18" rx="2"/>"##,
);
pub(crate) const SQL: Icon = Icon(r##"<path d="M12 19h8"/><path d="m4 17 6-6-6-6"/>"##);
pub(crate) const MIGRATIONS: Icon = Icon(
    r##"<circle cx="12" cy="12" r="3"/><line x1="3" x2="9" y1="12" y2="12"/><line x1="15" x2="21" y1="12" y2="12"/>"##,
);
pub(crate) const BACKUPS: Icon = Icon(
    r##"<rect width="20" height="5" x="2" y="3" rx="1"/><path d="M4 8v11a2 2 0 0 0 2 2h12a2 2 0 0 0 2-2V8"/><path d="M10 12h4"/>"##,
);
pub(crate) const LOG: Icon = Icon(
    r##"<path d="M15 12h-5"/><path d="M15 8h-5"/><path d="M19 17V5a2 2 0 0 0-2-2H4"/><path d="M8 21h12a2 2 0 0 0 2-2v-1a1 1 0 0 0-1-1H11a1 1 0 0 0-1 1v1a2 2 0 1 1-4 0V5a2 2 0 1 0-4 0v2a1 1 0 0 0 1 1h3"/>"##,
);
pub(crate) const SEARCH: Icon =
    Icon(r##"<path d="m21 21-4.34-4.34"/><circle cx="11" cy="11" r="8"/>"##);
pub(crate) const MENU: Icon =
    Icon(r##"<path d="M4 5h16"/><path d="M4 12h16"/><path d="M4 19h16"/>"##);
pub(crate) const LEFT: Icon = Icon(r##"<path d="m15 18-6-6 6-6"/>"##);
pub(crate) const RIGHT: Icon = Icon(r##"<path d="m9 18 6-6-6-6"/>"##);
pub(crate) const UP: Icon = Icon(r##"<path d="m5 12 7-7 7 7"/><path d="M12 19V5"/>"##);
pub(crate) const DOWN: Icon = Icon(r##"<path d="M12 5v14"/><path d="m19 12-7 7-7-7"/>"##);
pub(crate) const KEY: Icon = Icon(
    r##"<path d="M2.586 17.414A2 2 0 0 0 2 18.828V21a1 1 0 0 0 1 1h3a1 1 0 0 0 1-1v-1a1 1 0 0 1 1-1h1a1 1 0 0 0 1-1v-1a1 1 0 0 1 1-1h.172a2 2 0 0 0 1.414-.586l.814-.814a6.5 6.5 0 1 0-4-4z"/><circle cx="16.5" cy="7.5" r=".5" fill="currentColor"/>"##,
);
pub(crate) const ALERT: Icon = Icon(
    r##"<circle cx="12" cy="12" r="10"/><line x1="12" x2="12" y1="8" y2="12"/><line x1="12" x2="12.01" y1="16" y2="16"/>"##,
);
pub(crate) const CHECK: Icon =
    Icon(r##"<circle cx="12" cy="12" r="10"/><path d="m16 9-5.5 5.5L8 12"/>"##);
pub(crate) const WARNING: Icon = Icon(
    r##"<path d="m21.73 18-8-14a2 2 0 0 0-3.48 0l-8 14A2 2 0 0 0 4 21h16a2 2 0 0 0 1.73-3"/><path d="M12 9v4"/><path d="M12 17h.01"/>"##,
);

pub(crate) const SCHEMA: Icon = Icon(
    r##"<rect width="8" height="8" x="3" y="3" rx="2"/><path d="M7 11v4a2 2 0 0 0 2 2h4"/><rect width="8" height="8" x="13" y="13" rx="2"/>"##,
);

/// An icon that stands beside words, and says nothing of its own.
pub(crate) fn icon(icon: Icon) -> Markup {
    html! {
        svg.icon viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor"
            stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"
            focusable="false" { (PreEscaped(icon.0)) }
    }
}
