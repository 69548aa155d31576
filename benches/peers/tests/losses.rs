//! What the guide says of others is so: each loses what its table says, and heirloom does not.

use std::path::Path;

use peers::peer::{PEERS, Peer};
use peers::stakes;

/// The program that a test starts and kills.
const PROGRAM: &str = env!("CARGO_BIN_EXE_peers");

/// The rebuild that SQLite's documentation teaches, written into a migration: with foreign keys on,
/// DROP TABLE deletes the parent's rows, and ON DELETE CASCADE the children's.
#[test]
fn the_textbook_rebuild_leaves_no_child_but_with_heirloom() {
    for peer in PEERS {
        let expected = if *peer == Peer::Heirloom { 3 } else { 0 };
        let (left, said) = stakes::children_left(*peer);
        assert_eq!((left, said), (expected, Ok(())), "{peer:?}");
    }
}

/// refinery commits a migration's statements and its row in the history apart: killed between the
/// two, it runs the statements again at the next start, and fails for ever.
#[test]
fn a_killed_run_opens_again_but_for_refinery() {
    let stuck = |peer| stakes::killed_for_good(peer, Path::new(PROGRAM), 40);
    assert_eq!(stuck(Peer::Heirloom), 0);
    assert_ne!(stuck(Peer::Refinery), 0);
}

#[test]
fn two_copies_of_an_app_started_together_both_open() {
    let failed = stakes::double_starts_failed(Peer::Heirloom, Path::new(PROGRAM), 40);
    assert_eq!(failed, 0);
}
