//! The tables of FORMAT.md, generated from the code and compared with the page.

use super::identity::layout_fields;
use crate::geometry::{control, live};

const PAGE: &str = include_str!("../../FORMAT.md");

fn section(name: &str) -> Vec<&'static str> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let from = PAGE.find(&begin).expect("the section's begin") + begin.len();
    let to = PAGE.find(&end).expect("the section's end");
    PAGE[from..to].lines().skip(2).collect()
}

#[test]
fn format_page_gives_the_identity_as_it_is() {
    let rows: Vec<String> = layout_fields()
        .into_iter()
        .map(|(offset, size, name)| format!("| {offset} | {size} | {name} |"))
        .collect();
    assert_eq!(section("identity"), rows);
}

#[test]
fn format_page_gives_the_live_lines_as_they_are() {
    let words = [
        (live::EPOCH, "epoch"),
        (live::EPOCH_START, "epoch_start"),
        (live::STATE, "state"),
        (live::OWNER_PID, "owner_pid"),
        (live::OWNER_SINCE_NS, "owner_since_ns"),
        (live::CONTROL_ID, "control_id"),
        (live::TICKER_NS, "ticker_ns"),
        (live::SUCCESSOR_LOW, "successor_low"),
        (live::SUCCESSOR_HIGH, "successor_high"),
        (live::HEARTBEAT_NS, "heartbeat_ns"),
        (live::WATERMARK_NS, "watermark_ns"),
        (live::DROPPED, "dropped"),
        (live::UNLISTED, "unlisted"),
        (live::PUBLISHED, "published"),
        (live::SIGNAL, "signal"),
    ];
    let rows = section("live");
    assert_eq!(rows.len(), words.len());
    for (row, (offset, name)) in rows.iter().zip(words) {
        assert!(row.starts_with(&format!("| {offset} | {name} | ")), "{row}");
    }
}

#[test]
fn format_page_gives_the_control_segment_as_it_is() {
    let parts = [
        (0, "8 | magic, `TICKCTRL`".to_owned()),
        (control::VERSION_AT, format!("8 | version, {}", control::VERSION)),
        (control::ID_AT, "8 | `control_id`".to_owned()),
        (control::RING_ID_AT, "8 | first 8 bytes".to_owned()),
        (control::PATH_AT, "1,024 | path".to_owned()),
        (control::WAITERS_AT, "8 | waiters".to_owned()),
        (control::ENTRIES_AT, format!("{} * 1,024 | entries", control::ENTRY_BYTES)),
        (
            control::COUNTERS_AT,
            format!("{} * {} | counters", control::COUNTER_BYTES, control::COUNTERS),
        ),
    ];
    assert_eq!((control::PATH_BYTES, control::ENTRIES), (1_024, 1_024));
    let rows = section("control");
    assert_eq!(rows.len(), parts.len());
    for (row, (offset, part)) in rows.iter().zip(parts) {
        assert!(row.starts_with(&format!("| {offset} | {part}")), "{row}");
    }
}
