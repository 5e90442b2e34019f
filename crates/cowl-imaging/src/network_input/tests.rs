use std::path::Path;

use super::*;
use crate::display::Channels;

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples").join(name)).unwrap()
}

fn prepared(name: &str, sizes: &[usize], hints: &Hints) -> Result<Prepared, InputError> {
    prepare(&Source::read(&sample(name)).unwrap(), sizes, hints)
}

const T1: &str = "models/t1_2mm_64.nii.gz";

#[test]
fn a_volume_of_the_networks_size_is_taken_voxel_by_voxel() {
    let prepared = prepared(T1, &[1, 1, 64, 64, 64], &Hints::default()).unwrap();
    let run = volume::read(&sample(T1)).unwrap();
    let place = (3 * 64 + 20) * 64 + 40;
    assert_eq!(prepared.values[(40 * 64 + 20) * 64 + 3], run.voxels(0).unwrap()[place] / 255.0);
    let picture = prepared.shown.drawn().unwrap();
    assert_eq!((picture.height(), picture.channels()), (240, Channels::Gray));
}

#[test]
fn a_volume_of_other_sizes_is_resampled_around_its_middle() {
    let small = prepared(T1, &[1, 1, 32, 32, 32], &Hints::default()).unwrap();
    assert_eq!(small.values.len(), 32 * 32 * 32);
    let Shown::Volume(volume) = &small.shown else { panic!("a volume is shown as one") };
    let run = volume::read(&sample(T1)).unwrap();
    assert_eq!(volume.grid().placement.spacing(), [2.0; 3]);
    let distance =
        volume.grid().centre().iter().zip(run.grid().centre()).map(|(a, b)| (a - b).abs()).sum::<f64>();
    assert!(distance < 1e-9);
    let full = run.volume(0).unwrap();
    let place = volume.grid().placement.to_space([16.0, 10.0, 20.0]);
    assert!((small.values[(16 * 32 + 10) * 32 + 20] - full.at(place) / 255.0).abs() < 1e-5);
}

#[test]
fn labels_and_masks_are_drawn_over_a_volume() {
    let shown = prepared(T1, &[64, 64, 64], &Hints::default()).unwrap().shown;
    let labels: Vec<f32> = (0..64 * 64 * 64).map(|at| (at % 3) as f32).collect();
    assert_eq!(shown.labelled(&labels).unwrap().channels(), Channels::Rgb);
    assert!(shown.labelled(&labels[1..]).is_none());
    let masked: Vec<u64> =
        (0..64 * 64 * 64u64).map(|at| at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32).collect();
    assert!(shown.masked(&masked, 32).is_some());
    assert!(shown.masked(&masked[1..], 32).is_none());
}

#[test]
fn pictures_are_resized_to_planes_of_values() {
    let gray = prepared("images/mr_brain_010.png", &[1, 1, 28, 28], &Hints::default()).unwrap();
    assert_eq!(gray.values.len(), 784);
    assert!(gray.values.iter().all(|value| (0.0..=1.0).contains(value)));
    let list = prepared("images/mr_brain_010.png", &[1, 784], &Hints::default()).unwrap();
    assert_eq!(list.values, gray.values);
    let hints = Hints { values: Values::Symmetric, ..Hints::default() };
    let colour = prepared("images/mr_brain_010.png", &[1, 3, 32, 48], &hints).unwrap();
    assert_eq!(colour.values.len(), 3 * 32 * 48);
    assert_eq!(colour.values[..32 * 48], colour.values[2 * 32 * 48..]);
    assert!(colour.values.iter().any(|&value| value < -0.5));
}

#[test]
fn padding_keeps_the_ratio_of_the_sides() {
    let picture = DisplayImage::new(20, 10, Channels::Gray, vec![255; 200]).unwrap();
    let hints = Hints { fit: Fit::Pad, ..Hints::default() };
    let values = prepare(&Source::Picture(picture), &[48, 192], &hints).unwrap().values;
    assert_eq!(values.iter().filter(|&&value| value == 1.0).count(), 48 * 96);
    assert_eq!((values[95], values[96]), (1.0, 0.0));
}

#[test]
fn a_dicom_frame_is_a_picture_and_a_series_a_volume() {
    assert!(prepared("images/mr_small.dcm", &[1, 1, 28, 28], &Hints::default()).is_ok());
    let files = ["ct_head_026.dcm", "ct_head_027.dcm", "ct_head_028.dcm"];
    let bytes = files.map(|name| sample(&format!("images/{name}")));
    let series = Source::read_series(files.into_iter().zip(bytes.iter().map(Vec::as_slice))).unwrap();
    let prepared = prepare(&series, &[1, 1, 32, 32, 4], &Hints::default()).unwrap();
    assert!(prepared.values.iter().any(|&value| value > 0.2));
    let report = sample("images/report_sr.dcm");
    let refused = Source::read_series([("report.dcm", report.as_slice())]).unwrap_err();
    assert!(refused.to_string().contains("'report.dcm'"), "{refused}");
}

#[test]
fn a_file_of_the_wrong_kind_is_refused_with_both_kinds_named() {
    let refused = |name, sizes: &[usize]| prepared(name, sizes, &Hints::default()).unwrap_err().to_string();
    assert_eq!(
        refused("images/mr_brain_010.png", &[1, 1, 8, 8, 8]),
        "the network takes 1×1×8×8×8; the file has a picture of 256×256 pixels"
    );
    assert_eq!(refused(T1, &[64, 64]), "the network takes 64×64; the file has a volume of 64×64×64 voxels");
}

fn map(values: impl Fn([f64; 3]) -> f32) -> Volume {
    let grid = Grid::mni_4mm();
    let voxels = (0..grid.count()).map(|at| values(place_of(&grid, at))).collect();
    Volume::new(grid, voxels).unwrap()
}

/// A ball of 30 mm around a place.
fn ball([x, y, z]: [f64; 3]) -> Volume {
    map(|[a, b, c]| if (a - x).powi(2) + (b - y).powi(2) + (c - z).powi(2) < 900.0 { 1.0 } else { 0.0 })
}

#[test]
fn a_map_in_another_grid_comes_to_the_4_mm_grid_standardised() {
    let place = [-20.0, -60.0, 30.0];
    let rows = [[3.0, 0.0, 0.0, -80.0], [0.0, 3.0, 0.3, -110.0], [0.0, -0.3, 3.0, -50.0]];
    let grid = Grid { sizes: [54, 64, 50], placement: Placement::from_rows(rows).unwrap() };
    let run = Run::new(grid.clone(), ball(place).resampled(&grid).voxels().to_vec()).unwrap();
    let mask = map(|[x, y, z]| if x.abs() < 60.0 && y.abs() < 90.0 && z.abs() < 60.0 { 1.0 } else { 0.0 });
    let hints = Hints { mask: Some(mask), ..Hints::default() };
    let prepared = prepare(&Source::Run(run), &[1, 109_350], &hints).unwrap();
    let sum: f32 = prepared.values.iter().sum();
    assert!(sum.abs() < 1.0, "{sum}");
    let Shown::Map { map, .. } = &prepared.shown else { panic!("a map is shown as one") };
    assert!(map.at(place) > 2.0 && map.at([20.0, 60.0, 0.0]) < 0.0);
    assert_eq!(map.at([80.0, 0.0, 0.0]), 0.0, "outside the mask");
    assert!(prepared.shown.drawn().is_some());
    assert!(prepared.shown.region(&ball(place), 1).is_some());
}

/// Three balls that come and go in their own times, and a little that is none of them.
fn run_of(balls: &[Volume]) -> Run {
    let course = |ball: usize, time: usize| ((time * (2 * ball + 3)) as f32 * 0.37).sin();
    let values = (0..30).flat_map(|time| {
        (0..balls[0].voxels().len()).map(move |at| {
            let signal: f32 =
                balls.iter().enumerate().map(|(ball, map)| course(ball, time) * map.voxels()[at]).sum();
            100.0 + signal + 0.01 * ((at * 31 + time * 17) % 7) as f32
        })
    });
    Run::new(Grid::mni_4mm(), values.collect()).unwrap()
}

#[test]
fn dual_regression_finds_each_map_of_a_run() {
    let balls = [[-30.0, -60.0, 20.0], [30.0, -20.0, 30.0], [0.0, 40.0, 0.0]].map(ball);
    let templates: Vec<Volume> = balls.iter().map(|ball| ball.clone().map(|value| 3.0 * value)).collect();
    let source = Source::Run(run_of(&balls));
    for wanted in 0..3 {
        let hints = Hints { volume: Some(wanted), templates: templates.clone(), ..Hints::default() };
        let prepared = prepare(&source, &[1, 109_350], &hints).unwrap();
        let Shown::Map { map, .. } = &prepared.shown else { panic!("a map is shown as one") };
        let mean = |ball: &Volume| {
            let inside = ball.voxels().iter().zip(map.voxels()).filter(|(inside, _)| **inside > 0.0);
            let values: Vec<f32> = inside.map(|(_, &value)| value).collect();
            values.iter().sum::<f32>() / values.len() as f32
        };
        for (place, ball) in balls.iter().enumerate() {
            assert_eq!(mean(ball) > 3.0, place == wanted, "map {wanted} in ball {place}: {}", mean(ball));
        }
    }
}

#[test]
fn runs_that_cannot_be_regressed_are_refused_by_name() {
    let balls = [[-30.0, -60.0, 20.0], [30.0, -20.0, 30.0], [0.0, 40.0, 0.0]].map(ball);
    let source = Source::Run(run_of(&balls));
    let refused = |hints: Hints| prepare(&source, &[1, 109_350], &hints).unwrap_err().to_string();
    assert!(refused(Hints::default()).starts_with("the file has 30 volumes; say which one"));
    let hints =
        |templates: &[Volume], volume| Hints { templates: templates.to_vec(), volume, ..Hints::default() };
    assert!(refused(hints(&balls, None)).starts_with("say which of the template maps"));
    assert!(refused(hints(&balls, Some(3))).starts_with("there is no volume 4; there are 3"));
    let same = [balls[0].clone(), balls[0].clone()];
    assert!(refused(hints(&same, Some(0))).starts_with("the template maps depend on each other"));
    let many: Vec<Volume> = (0..29).map(|_| balls[0].clone()).collect();
    assert!(refused(hints(&many, Some(0))).starts_with("the run has 30 volumes; 29 template maps need 31"));
    let flat = Source::Run(Run::new(Grid::mni_4mm(), vec![1.0; 109_350]).unwrap());
    assert!(matches!(prepare(&flat, &[109_350], &Hints::default()), Err(InputError::Flat)));
}

/// A `.npy` file as NumPy writes it.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let length = (header.len() as u16).to_le_bytes();
    [b"\x93NUMPY\x01\x00".as_slice(), &length, header.as_bytes(), data].concat()
}

#[test]
fn numbers_are_taken_as_they_are() {
    let data: Vec<u8> = [1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    let file = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }\n", &data);
    let source = Source::read(&file).unwrap();
    assert_eq!(prepare(&source, &[1, 2], &Hints::default()).unwrap().values, [1.5, -2.0]);
    assert!(prepare(&source, &[1, 3], &Hints::default()).is_err());
}

#[test]
fn each_fault_of_a_file_of_numbers_is_named() {
    let refused = |header: &str, data: &[u8]| Numbers::read(&npy(header, data)).unwrap_err();
    let header = |kind: &str, order: &str, shape: &str| {
        format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}")
    };
    assert_eq!(refused("{}", &[]), NumbersError::Header);
    assert_eq!(refused(&header(">f4", "False", "(1,)"), &[0; 4]), NumbersError::Type(">f4".into()));
    assert_eq!(refused(&header("<f4", "True", "(1, 2)"), &[0; 8]), NumbersError::Fortran);
    assert_eq!(refused(&header("<f4", "False", "(3,)"), &[0; 8]), NumbersError::Length);
    let huge = header("<f8", "False", "(18446744073709551615, 2)");
    assert_eq!(refused(&huge, &[0; 8]), NumbersError::Length);
    let whole = npy(&header("<f4", "False", "(2,)"), &[0; 8]);
    for length in 0..whole.len() {
        assert!(Numbers::read(&whole[..length]).is_err());
    }
}
