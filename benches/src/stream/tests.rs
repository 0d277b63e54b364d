//! Streams give the same each time, and refuse what cannot be.

use super::*;

fn spec(text: &str) -> Spec {
    toml::from_str(text).unwrap()
}

fn specs() -> [Spec; 3] {
    [
        spec("kind = 'clouds'\ncentres = 9\nspread = 0.5\ndrift = 0.1\nseed = 3"),
        spec("kind = 'walk'\nwalkers = 4\nstep = 0.1\nseed = 3"),
        spec(
            "kind = 'market'\ninstruments = 5\nevents-per-second = 1_000.0\nevery = 1\n\
             regime = 40\nseed = 3",
        ),
    ]
}

fn take(stream: &mut Stream, count: usize) -> Vec<(u32, Vec<f32>)> {
    let mut lanes = vec![0.0; 16];
    let mut next = || (stream.next(&mut lanes).unwrap(), lanes.clone());
    (0..count).map(|_| next()).collect()
}

#[test]
fn a_stream_gives_the_same_each_time_and_no_vector_twice() {
    for spec in specs() {
        let begin = || spec.begin(16, Path::new(".")).unwrap();
        let found = take(&mut begin(), 100);
        assert_eq!(found, take(&mut begin(), 100));
        assert_ne!(found[0].1, found[99].1, "{spec:?}");
        assert!(found.iter().flat_map(|(_, lanes)| lanes).all(|lane| lane.is_finite()));
    }
}

#[test]
fn another_market_has_other_instruments() {
    let [_, _, market] = specs();
    let found = take(&mut market.begin(16, Path::new(".")).unwrap(), 100);
    let market_of = |at: usize| found[at].0 >> 20;
    assert_eq!([0, 39, 40, 79, 80].map(market_of), [0, 0, 1, 1, 2]);
}

#[test]
fn what_cannot_be_is_refused_by_its_key() {
    for (text, key) in [
        ("kind = 'clouds'\ncentres = 0\nspread = 0.5\ndrift = 0.1\nseed = 3", "centres"),
        ("kind = 'walk'\nwalkers = 0\nstep = 0.5\nseed = 3", "walkers"),
        ("kind = 'npy'\nfile = 'none.npy'", "none.npy"),
        (
            "kind = 'market'\ninstruments = 0\nevents-per-second = 1.0\nevery = 1\nseed = 3",
            "instruments",
        ),
        (
            "kind = 'market'\ninstruments = 1\nevents-per-second = 1.0\nevery = 1\nregime = 0\n\
             seed = 3",
            "regime",
        ),
    ] {
        let message = spec(text).begin(16, Path::new("nowhere")).unwrap_err().to_string();
        assert!(message.contains(key) && message.contains("expected"), "{text}: {message}");
    }
    assert!(toml::from_str::<Spec>("kind = 'walk'\nwalkers = 1\nstep = 0.5\nspeed = 3").is_err());
}

#[test]
fn recorded_quotes_are_vectors_of_each_instrument() {
    let file = Path::new("$TICKRING_DATA/ann/bbo_binance.npy");
    let Ok(path) = place(file, Path::new(".")) else {
        eprintln!("skipped: no recorded data; set TICKRING_DATA");
        return;
    };
    let all = quotes(&path, &[0, 1, 2]).unwrap();
    let first = quotes(&path, &[0]).unwrap();
    assert_eq!((all.dim(), all.len()), (128, 59_136 - 3 * 63));
    assert_eq!(all.get(first.len() - 1), first.get(first.len() - 1));
    let mut stream = rows(first);
    stream.seek(&(7..9)).unwrap();
    let mut lanes = vec![0.0; 128];
    stream.next(&mut lanes).unwrap();
    assert_eq!(Some(&lanes[..]), all.get(7));
    assert!(stream.seek(&(0..1_000_000)).unwrap_err().to_string().contains("1000000"));
    assert!(quotes(&path, &[3]).unwrap_err().to_string().contains("instruments 0 to 2"));
}
