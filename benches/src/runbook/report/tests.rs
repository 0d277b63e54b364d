//! Tables of rows that were made up.

use super::*;

fn report(recalls: &[u64]) -> Report {
    let text = "title = 'made up'\ndim = 8\nwindow = 100\ntarget = 900\n\
                streams.a = { kind = 'walk', walkers = 3, step = 0.1, seed = 1 }\n\
                steps = [{ query = { stream = 'a', count = 1 } }]";
    let book = Book::parse(text, Path::new("book.toml")).unwrap();
    let mut rows = vec![Row { rss_mib: 10.0, ..Row::default() }];
    for (at, hits) in (1..).zip(recalls) {
        let inserted = at * 100;
        rows.push(Row {
            inserted,
            live: 100,
            queries: 10,
            hits: *hits,
            wanted: 100,
            rss_mib: 10.0 + at as f64,
            ..Row::default()
        });
    }
    let engine = |name: &str| Followed { engine: name.to_owned(), rows: rows.clone() };
    Report { name: "book".to_owned(), book, engines: vec![engine(EXACT), engine("few")] }
}

#[test]
fn queries_at_the_end_of_a_fifth_belong_to_it() {
    let report = report(&[100, 98, 96, 94, 92, 90, 88, 86, 84, 82]);
    let found = report.recall_by_fifths(&report.engines[1]);
    assert_eq!(found, [0.99, 0.95, 0.91, 0.87, 0.83].map(Some));
    let text = report.text(true);
    assert!(text.contains("not in 2"), "{text}");
    assert_eq!(text.matches("| 100 ").count(), 20, "every row of both: {text}");
}

#[test]
fn recall_and_memory_are_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plot.svg");
    for (course, words) in [
        (Course::Recall, &["few", "target", "turnovers"][..]),
        (Course::Memory, &["few", "exact", "MiB"]),
    ] {
        draw(course, &[report(&[99, 98, 97])], &path).unwrap();
        let drawn = std::fs::read_to_string(&path).unwrap();
        assert!(words.iter().all(|word| drawn.contains(word)), "{drawn}");
    }
}
