//! Planted neighbours, found by the nearest-neighbour consumer: recall through real rings.

use crate::support::{Bus, ring};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use tickring::record::Match;
use tickring::{Poll, Reader, Start};

/// The neighbours of each query in a closed ring of matches.
fn neighbours(bus: &Bus) -> BTreeMap<u64, Vec<Match>> {
    let mut reader = Reader::open(&bus.directory(), &ring("demo/matches"), Start::Oldest).unwrap();
    let mut neighbours = BTreeMap::<u64, Vec<Match>>::new();
    loop {
        match reader.poll() {
            Poll::Record(record) => {
                let found = record.get::<Match>().unwrap();
                neighbours.entry(found.query_id).or_default().push(*found);
            }
            Poll::Closed(_) => return neighbours,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn exact_search_finds_every_planted_neighbour() {
    for (dim, count, instruments) in [(32, 50_000, 5), (128, 25_000, 2), (768, 12_000, 1)] {
        let bus = Bus::new();
        let file = bus.path().join("plants.ndjson");
        let market = format!("--count {count} --instruments {instruments} --pace max");
        let vectors = format!("--vectors {dim} --vector-every 4 --plant 8 --plants");
        let ran =
            bus.run(&format!("feed simulate --to demo {market} {vectors} {}", file.display()));
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let ran = bus.run("ann demo --from oldest --k 10 --capacity 131072 --no-latency --json");
        assert_eq!(ran.code, Some(0), "{}", ran.err);
        let stats = &ran.objects()[0];
        assert_eq!((&stats["incomplete"], &stats["missed"]), (&0.into(), &0.into()));

        let plants = fs::read_to_string(&file).unwrap();
        let neighbours = neighbours(&bus);
        // A market repeats itself here and there: then its own vector may be the nearest.
        let (mut planted, mut found, mut nearest) = (0_u32, 0_u32, 0_u32);
        for line in plants.lines() {
            let plant: Value = serde_json::from_str(line).unwrap();
            planted += 1;
            let own = &neighbours[&plant["query_id"].as_u64().unwrap()];
            if let Some(own) = own.iter().find(|own| plant["neighbour_id"] == own.match_id) {
                found += 1;
                nearest += u32::from(own.rank == 0);
                let expected = plant["distance"].as_f64().unwrap();
                let error = (f64::from(own.distance) - expected).abs();
                assert!(error <= 1e-3 * expected, "{plant} {own:?}");
            }
        }
        println!("{dim} lanes: {} vectors, recall {found} of {planted}", stats["vectors"]);
        assert!(planted > 50, "{planted}");
        assert_eq!(found, planted);
        assert!(nearest * 100 >= planted * 99, "{nearest} of {planted}");
    }
}

#[test]
fn the_file_of_plants_is_a_new_one_and_needs_plants() {
    let bus = Bus::new();
    let file = bus.path().join("plants");
    fs::write(&file, "mine").unwrap();
    let feed = "feed simulate --to demo --count 100 --pace max --vectors 32";
    let error = bus.run(&format!("{feed} --plant 4 --plants {}", file.display())).failure(2);
    assert!(error.contains("plants") && error.contains("choose another name"), "{error}");
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    let error = bus.run(&format!("{feed} --plant 0")).failure(2);
    assert!(error.contains("at least 1"), "{error}");
}
