mod world;
use std::time::Instant;
use world::*;
#[tokio::test(flavor = "multi_thread")]
async fn latency() {
    let world = World::start().await;
    let owner = world.person("patient").await;
    let mut record = OwnedRecord::create(&owner).await;
    let item = record.add(&owner, &[1_000_000, 600_000]).await;
    let ticket = owner.client.read_items(&record.id, &[item.id]).await.unwrap().ticket.0;
    let name = item.parts[0].0;
    for (what, range) in [("1 B", 0..1u64), ("512 KiB", 0..524288)] {
        let mut times = Vec::new();
        for _ in 0..500 {
            let t = Instant::now();
            owner.client.fetch_part_range(&ticket, &name, range.clone()).await.unwrap();
            times.push(t.elapsed().as_micros());
        }
        times.sort();
        println!("range {what}: median {} us p90 {} us", times[250], times[450]);
    }
    let mut times = Vec::new();
    for _ in 0..200 {
        let t = Instant::now();
        owner.client.server().await.unwrap();
        times.push(t.elapsed().as_micros());
    }
    times.sort();
    println!("GET server: {} us", times[100]);
    let mut times = Vec::new();
    for _ in 0..200 {
        let t = Instant::now();
        owner.client.account().await.unwrap();
        times.push(t.elapsed().as_micros());
    }
    times.sort();
    println!("GET account: {} us", times[100]);
    let t = Instant::now();
    for _ in 0..8 {
        owner.client.upload_parts(&record.id, sealed_parts(&[8_000_000; 7])).await.unwrap();
    }
    println!("upload 8 x 56 MB: {} MB/s", 448.0 / t.elapsed().as_secs_f64());
}
