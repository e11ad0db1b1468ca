//! A nation's status lists, 96 of them with 100 million places and 1 % set: how large, how fast to load and to ask.
//!
//! Run `cargo bench -p tests --bench status`. Sizes are exact, and the goals they are held to are asserted. Times move
//! with the load of the machine: rows take turns, and the least and the median of the turns are shown. The peer is a
//! roaring bitmap of the same places, which is told the number of the list where ours finds it by its URI.

use std::hint::black_box;
use std::time::Instant;

use roaring::RoaringBitmap;
use shared::trust::{Files, LIST_SIZE, Status, TrustStore, load, update};
use tests::status_lists::{Lists, uri};
use tests::{ISSUER, World};

const LISTS: u64 = 96;
/// One in a hundred.
const SET: u64 = LIST_SIZE / 100;
/// What a nation revokes in a day.
const CHANGES: u64 = 10_000;
const MAX_BUNDLE: usize = 1_600_000;
const MAX_DAY: usize = 45_000;

const TURNS: usize = 9;
const QUERIES: usize = 1 << 20;

fn main() {
    let world = World::default();
    let now = world.start.plus(600);
    let mut nation = Lists::random(LISTS, SET, 1);
    let set: RoaringBitmap = (0..).zip(&nation.0).flat_map(|(list, set)| numbers(list, set)).collect();
    let started = Instant::now();
    let first = nation.publish(&world, 1, None, |_| ());
    println!("{} places of {} set; published in {:.1} s", set.len(), LISTS * LIST_SIZE, seconds(started));

    let bundle: usize = first.files.values().map(Vec::len).sum();
    let part = |files: &Files, part: &str| -> usize {
        files.iter().filter(|(name, _)| name.contains(part)).map(|(_, bytes)| bytes.len()).sum()
    };
    println!("bundle: {bundle} bytes (goal: at most {MAX_BUNDLE}), of which:");
    println!("    lists     {:>9}", part(&first.files, ".cwt"));
    println!("    hashes    {:>9}", part(&first.files, "status-hashes"));
    println!("    metadata  {:>9}", part(&first.files, "metadata/"));
    println!("the same set as a roaring bitmap, unsigned: {} bytes", set.serialized_size());
    assert!(bundle <= MAX_BUNDLE);

    let import = |files: &Files, memory: &Files| {
        let files = files.clone();
        let started = Instant::now();
        let result = update(files, &world.root(), memory, now).unwrap();
        (seconds(started), result)
    };
    let (_, (store, snapshot)) = import(&first.files, &Files::new());
    times("first import", (0..TURNS).map(|_| import(&first.files, &Files::new()).0));
    times(
        "start with what was kept",
        (0..TURNS).map(|_| {
            let started = Instant::now();
            black_box(load(&snapshot, &world.root(), now).unwrap());
            seconds(started)
        }),
    );

    let changes = Lists::random(LISTS, CHANGES.div_ceil(LISTS), 1 << 40);
    nation.0.iter_mut().zip(changes.0).for_each(|(list, more)| list.extend(more));
    let second = nation.publish(&world, 2, Some(&first), |_| ());
    let (delta, hashes) = (part(&second.files, ".delta"), part(&second.files, "status-hashes"));
    let metadata = part(&second.files, "metadata/") - part(&second.files, "1.root.json");
    println!(
        "a day's {} changes: {delta} bytes and {hashes} for the hashes (goal: less than {MAX_DAY}), metadata {metadata}",
        LISTS * CHANGES.div_ceil(LISTS)
    );
    assert!(delta + hashes < MAX_DAY);
    // Without the lists themselves: what is imported came out of the delta.
    let mut without = second.files.clone();
    without.retain(|name, _| !name.ends_with(".cwt"));
    times("a day's update", (0..TURNS).map(|_| import(&without, &snapshot.memory).0));

    lookups(&store, &set);
}

/// The places of a list, counted through all lists.
fn numbers(list: u32, set: &[(u64, Status)]) -> impl Iterator<Item = u32> {
    set.iter().map(move |(index, _)| (list << LIST_SIZE.trailing_zeros()) + *index as u32)
}

fn lookups(store: &TrustStore, set: &RoaringBitmap) {
    let issuer = store.issuer(ISSUER).unwrap();
    let uris: Vec<String> = (0..LISTS as usize).map(uri).collect();
    let lists: Vec<_> = uris.iter().map(|uri| issuer.status_list(uri).unwrap()).collect();
    let mut state = 1_u64;
    let mut random = move |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let queries: Vec<(usize, u64)> =
        (0..QUERIES).map(|_| (random(LISTS) as usize, random(LIST_SIZE))).collect();
    let count = |question: &dyn Fn(usize, u64) -> bool| {
        let started = Instant::now();
        let found = queries.iter().filter(|(list, index)| question(*list, *index)).count();
        (seconds(started) * 1e9 / QUERIES as f64, black_box(found))
    };
    let by_uri = |list: usize, index: u64| {
        let list = issuer.status_list(&uris[list]).unwrap();
        list.status(index) == Some(Status::Invalid)
    };
    let by_list = |list: usize, index: u64| lists[list].status(index) == Some(Status::Invalid);
    let peer = |list: usize, index: u64| set.contains(((list as u64 * LIST_SIZE) + index) as u32);
    let mut rows: [Vec<f64>; 3] = Default::default();
    for _ in 0..TURNS {
        let answers = [count(&by_uri), count(&by_list), count(&peer)];
        assert!(answers.iter().all(|(_, found)| *found == answers[0].1), "they disagree");
        rows.iter_mut().zip(answers).for_each(|(row, (nanoseconds, _))| row.push(nanoseconds));
    }
    println!("{:36} {:>8} {:>8}", "nanoseconds a lookup", "least", "median");
    let names = ["by URI and index (goal: below 1000)", "by index, list found before", "roaring, list known"];
    let medians = names.into_iter().zip(rows).map(|(name, mut row)| {
        row.sort_by(f64::total_cmp);
        println!("{name:36} {:8.1} {:8.1}", row[0], row[TURNS / 2]);
        row[TURNS / 2]
    });
    let medians: Vec<f64> = medians.collect();
    println!(
        "ratio of medians to roaring: {:.2} with the URI, {:.2} without",
        medians[0] / medians[2],
        medians[1] / medians[2]
    );
}

fn times(what: &str, turns: impl Iterator<Item = f64>) {
    let mut turns: Vec<f64> = turns.collect();
    turns.sort_by(f64::total_cmp);
    println!("{what}: least {:.3} s, median {:.3} s", turns[0], turns[turns.len() / 2]);
}

fn seconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64()
}
