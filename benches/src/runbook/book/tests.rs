//! Runbooks that are read, and what is wrong with others.

use super::*;

const SHORT: &str = "
title = 'short'
dim = 8
window = 100
streams.a = { kind = 'walk', walkers = 3, step = 0.1, seed = 1 }
engines.few = { index = 'lists', lists = 4 }
engines.exact = { index = 'exact' }

[[steps]]
insert = { stream = 'a', count = 50, ask-every = 10 }

[[steps]]
[steps.repeat]
times = 3
[[steps.repeat.steps]]
insert = { stream = 'a', count = 20 }
[[steps.repeat.steps]]
query = { stream = 'a', count = 5 }

[[steps]]
checkpoint = 'end'
";

fn refusal(text: &str) -> String {
    Book::parse(text, Path::new("some/book.toml")).unwrap_err().to_string()
}

#[test]
fn steps_are_written_out_in_order() {
    let book = Book::parse(SHORT, Path::new("book.toml")).unwrap();
    let plan = book.plan();
    assert_eq!(plan.len(), 1 + 3 * 2 + 1);
    let inserted = plan.iter().filter_map(|step| match step {
        Step::Insert(insert) => Some(insert.draw().len()),
        _ => None,
    });
    assert_eq!(inserted.collect::<Vec<_>>(), [50, 20, 20, 20]);
    assert!(matches!(plan[2], Step::Query(_)) && matches!(plan[7], Step::Checkpoint(_)));
    assert_eq!(book.engine_names(), ["exact", "few"]);
    assert_eq!((book.k, book.turnover(), book.stay_ns()), (10, 100.0, None));
    let timed = SHORT.replace("window = 100", "window = 100\nttl-s = 0.05");
    assert_eq!(Book::parse(&timed, Path::new("")).unwrap().turnover(), 50.0);
}

#[test]
fn what_cannot_be_followed_is_refused_with_its_key_and_what_would_do() {
    for (from, to, words) in [
        ("dim = 8", "dim = 0", ["dim", "1 to 4096"]),
        ("dim = 8", "dim = 8\nk = 0", ["k", "1 to 1000"]),
        ("dim = 8", "dim = 8\nmetric = 'l1'", ["metric", "cosine"]),
        ("dim = 8", "dim = 8\nrate = 0.0", ["rate", "a second"]),
        ("dim = 8", "dim = 8\nttl-s = -1.0", ["ttl-s", "-1"]),
        ("window = 100", "window = 0", ["window", "0"]),
        ("lists = 4", "lists = 0", ["lists", "65536"]),
        ("index = 'exact'", "index = 'auto'", ["exact", "Auto"]),
        ("stream = 'a', count = 5 ", "stream = 'b', count = 5 ", ["stream", "found b"]),
        ("stream = 'a', count = 5 ", "stream = 'a' ", ["count", "range"]),
        ("count = 5 ", "count = 0 ", ["count", "at least one"]),
        ("count = 5 ", "range = [0, 5] ", ["range", "npy"]),
        ("ask-every = 10", "ask-every = 0", ["ask-every", "at least 1"]),
        ("times = 3", "times = 4_000_000_000", ["steps", "100000"]),
        ("checkpoint = 'end'", "expire = { seconds = 1.0 }", ["expire", "ttl-s"]),
        ("query =", "insert =", ["steps", "queries"]),
    ] {
        assert!(SHORT.contains(from), "{from}");
        let message = refusal(&SHORT.replace(from, to));
        let has = |word: &str| message.contains(word);
        assert!(words.iter().all(|word| has(word)) && has("book.toml"), "{to}: {message}");
        assert!(has("expected") && has("found") && has("hint"), "{message}");
    }
}

#[test]
fn what_is_no_runbook_is_refused_with_its_line() {
    for (from, to, word) in [
        ("title = 'short'", "title = 3", "title = 3"),
        ("dim = 8", "dim = 8\nspeed = 3", "speed"),
        ("kind = 'walk'", "kind = 'run'", "run"),
        ("index = 'lists'", "index = 'hnsw'", "hnsw"),
        ("checkpoint = 'end'", "delete = 3", "delete"),
        ("window = 100", "", "window"),
        ("dim = 8", "dim =", "dim ="),
    ] {
        let message = refusal(&SHORT.replace(from, to));
        assert!(message.contains(word) && message.contains("hint"), "{to}: {message}");
    }
    let nowhere = Book::load(Path::new("none/book.toml")).unwrap_err().to_string();
    assert!(nowhere.contains("none/book.toml"), "{nowhere}");
}

#[test]
fn the_runbooks_that_are_here_can_be_followed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        Book::load(&file.unwrap().path()).unwrap();
        count += 1;
    }
    assert!(count > 0);
}
