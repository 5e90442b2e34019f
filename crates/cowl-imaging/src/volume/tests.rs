use std::io::Write;

use super::*;
use crate::dicom::{DicomFile, Slice};
use crate::specimens::Noise;

/// A NIfTI-1 file without voxels.
fn header(sizes: &[i16], kind: i16) -> Vec<u8> {
    let mut bytes = vec![0u8; 352];
    bytes[..4].copy_from_slice(&348i32.to_le_bytes());
    for (place, value) in std::iter::once(sizes.len() as i16).chain(sizes.iter().copied()).enumerate() {
        bytes[40 + 2 * place..42 + 2 * place].copy_from_slice(&value.to_le_bytes());
    }
    bytes[70..72].copy_from_slice(&kind.to_le_bytes());
    for (place, step) in [1.0f32, 2.0, 2.0, 3.0].into_iter().enumerate() {
        bytes[76 + 4 * place..80 + 4 * place].copy_from_slice(&step.to_le_bytes());
    }
    bytes[108..112].copy_from_slice(&352f32.to_le_bytes());
    bytes[344..348].copy_from_slice(b"n+1\0");
    bytes
}

fn put_float(bytes: &mut [u8], at: usize, value: f32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn shorts(values: &[i16]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn small() -> Vec<u8> {
    [header(&[2, 3, 1, 2], 4), shorts(&[0, 1, 2, 3, 4, 5, -6, -7, -8, -9, -10, -11])].concat()
}

fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_run_is_read_with_its_volumes_and_spacing() {
    let run = read(&small()).unwrap();
    assert_eq!((run.grid().sizes, run.count()), ([2, 3, 1], 2));
    assert_eq!(run.voxels(1).unwrap(), [-6.0, -7.0, -8.0, -9.0, -10.0, -11.0]);
    assert_eq!(run.grid().placement.spacing(), [2.0, 2.0, 3.0]);
    assert!(run.voxels(2).is_none());
}

#[test]
fn compressed_files_are_read_like_others() {
    assert_eq!(read(&compressed(&small())).unwrap(), read(&small()).unwrap());
}

#[test]
fn slope_and_intercept_are_applied_and_what_is_no_number_becomes_0() {
    let mut file = header(&[3], 16);
    put_float(&mut file, 112, 2.0);
    put_float(&mut file, 116, -1.0);
    file.extend([1.5f32, f32::NAN, f32::INFINITY].iter().flat_map(|value| value.to_le_bytes()));
    assert_eq!(read(&file).unwrap().voxels(0).unwrap(), [2.0, 0.0, 0.0]);
}

#[test]
fn files_of_the_other_byte_order_are_read() {
    let mut file = small();
    // Every field that is read, turned around.
    file[..4].reverse();
    (20..28).for_each(|place| file[2 * place..2 * place + 2].reverse());
    file[70..72].reverse();
    [76, 80, 84, 88, 108].into_iter().for_each(|at| file[at..at + 4].reverse());
    file[352..].chunks_exact_mut(2).for_each(<[u8]>::reverse);
    assert_eq!(read(&file).unwrap(), read(&small()).unwrap());
}

#[test]
fn an_affine_goes_before_a_quaternion_and_both_before_spacing() {
    let mut file = [header(&[1, 1, 1], 2), vec![7]].concat();
    // A half turn about the third axis.
    put_float(&mut file, 256 + 8, 1.0);
    put_float(&mut file, 268, 5.0);
    file[252] = 1;
    let placed = |file: &[u8]| read(file).unwrap().grid().placement;
    assert_eq!(placed(&file).to_space([1.0, 1.0, 1.0]), [3.0, -2.0, 3.0]);
    for (at, value) in [(280, -4.0), (292, 90.0), (300, 4.0), (320, 4.0)] {
        put_float(&mut file, at, value);
    }
    file[254] = 4;
    assert_eq!(placed(&file).to_space([1.0, 1.0, 1.0]), [86.0, 4.0, 4.0]);
}

#[test]
fn the_header_of_the_second_version_is_read() {
    let mut file = vec![0u8; 544];
    file[..4].copy_from_slice(&540i32.to_le_bytes());
    file[4..8].copy_from_slice(b"n+2\0");
    file[12..14].copy_from_slice(&256i16.to_le_bytes());
    for (place, value) in [3i64, 2, 1, 1].into_iter().enumerate() {
        file[16 + 8 * place..24 + 8 * place].copy_from_slice(&value.to_le_bytes());
    }
    file[168..176].copy_from_slice(&544i64.to_le_bytes());
    file.extend([0xff, 3]);
    assert_eq!(read(&file).unwrap().voxels(0).unwrap(), [-1.0, 3.0]);
}

#[test]
fn each_fault_of_a_file_is_named() {
    let refused = |file: &[u8]| read(file).unwrap_err();
    assert!(matches!(refused(b"not a volume"), NiftiError::NotNifti));
    assert!(matches!(refused(&small()[..360]), NiftiError::Truncated));
    assert!(matches!(refused(&compressed(&small())[..60]), NiftiError::Truncated));
    assert!(matches!(refused(&header(&[2, -3], 4)), NiftiError::Axes(sizes) if sizes == [2, -3]));
    assert!(matches!(refused(&header(&[2, 2, 2, 2, 2], 4)), NiftiError::Axes(_)));
    assert!(matches!(refused(&header(&[i16::MAX; 4], 4)), NiftiError::TooLarge));
    assert!(matches!(refused(&header(&[2, 2], 128)), NiftiError::Type(128)));
    let mut two_files = small();
    two_files[344..348].copy_from_slice(b"ni1\0");
    assert!(matches!(refused(&two_files), NiftiError::TwoFiles));
    let mut nowhere = small();
    nowhere[254] = 1;
    assert!(matches!(refused(&nowhere), NiftiError::Placement));
    let mut offset = small();
    put_float(&mut offset, 108, 12.0);
    assert!(matches!(refused(&offset), NiftiError::Offset));
}

#[test]
fn a_file_that_claims_much_and_holds_little_is_refused_without_its_memory() {
    // 2^28 values of eight bytes.
    let claim = header(&[1 << 10, 1 << 10, 1 << 8], 64);
    assert!(matches!(read(&claim).unwrap_err(), NiftiError::Truncated));
}

#[test]
fn no_damage_to_a_header_makes_the_reader_panic() {
    let file = small();
    let mut noise = Noise::new(7);
    for _ in 0..20_000 {
        let mut damaged = file.clone();
        for _ in 0..1 + noise.next() % 6 {
            let at = noise.next() as usize % 352;
            damaged[at] = noise.next() as u8;
        }
        let _ = read(&damaged);
    }
}

/// A volume whose value is a linear function of the place in millimetres.
fn slope(grid: Grid) -> Volume {
    let [width, height, _] = grid.sizes;
    let value = |at: usize| {
        let voxel = [at % width, at / width % height, at / width / height].map(|part| part as f64);
        let [x, y, z] = grid.placement.to_space(voxel);
        (x + 2.0 * y - 3.0 * z) as f32
    };
    let voxels = (0..grid.count()).map(value).collect();
    Volume::new(grid, voxels).unwrap()
}

fn oblique() -> Grid {
    let rows = [[-1.6, 0.3, 0.0, 14.0], [0.4, 1.7, 0.2, -15.0], [0.0, -0.3, 2.1, -16.0]];
    Grid { sizes: [17, 18, 15], placement: Placement::from_rows(rows).unwrap() }
}

#[test]
fn resampling_keeps_what_is_linear_in_space_whatever_the_axes() {
    let rows = [[0.0, 0.0, 2.0, -4.0], [1.5, 0.0, 0.0, -5.0], [0.0, -1.0, 0.0, 4.0]];
    let grid = Grid { sizes: [6, 7, 4], placement: Placement::from_rows(rows).unwrap() };
    let resampled = slope(oblique()).resampled(&grid);
    for (found, wanted) in resampled.voxels().iter().zip(slope(grid.clone()).voxels()) {
        assert!((found - wanted).abs() < 1e-3, "{found} {wanted}");
    }
    assert_eq!(resampled.grid(), &grid);
}

#[test]
fn a_volume_in_its_own_grid_stays_as_it_is_and_is_0_outside() {
    let volume = slope(oblique());
    let again = volume.resampled(&oblique());
    assert!(volume.voxels().iter().zip(again.voxels()).all(|(one, other)| (one - other).abs() < 1e-3));
    assert_eq!(volume.at([500.0, 0.0, 0.0]), 0.0);
    assert!(volume.nearest([500.0, 0.0, 0.0]).is_none());
}

#[test]
fn halving_is_the_mean_of_eight_and_stays_in_its_place() {
    let volume = slope(oblique());
    let halved = volume.halved();
    assert_eq!(halved.grid().sizes, [8, 9, 7]);
    let expected = slope(halved.grid().clone());
    for (found, wanted) in halved.voxels().iter().zip(expected.voxels()) {
        assert!((found - wanted).abs() < 1e-3);
    }
    let plane = Grid { sizes: [2, 2, 1], placement: oblique().placement };
    assert_eq!(Volume::new(plane, vec![1.0, 2.0, 3.0, 6.0]).unwrap().halved().voxels(), [3.0]);
}

#[test]
fn a_fine_volume_is_halved_until_its_voxels_are_as_long_as_asked_for() {
    let grid = Grid { sizes: [16, 16, 16], placement: Placement::along_axes([1.0, 1.0, 1.5]).unwrap() };
    let volume = slope(grid);
    assert_eq!(volume.clone().coarsened(4.0).grid().sizes, [8, 8, 8]);
    assert_eq!(volume.coarsened(2.0).grid().sizes, [16, 16, 16]);
}

#[test]
fn the_order_of_networks_comes_back() {
    let volume = slope(oblique());
    let values = volume.last_axis_fastest();
    assert_eq!(values[1], volume.voxels()[17 * 18]);
    assert_eq!(Volume::from_last_axis_fastest(oblique(), &values).unwrap(), volume);
    assert!(Volume::from_last_axis_fastest(oblique(), &values[1..]).is_err());
}

#[test]
fn values_are_scaled_to_0_and_1() {
    let grid = Grid { sizes: [3, 1, 1], placement: oblique().placement };
    let scaled = |values: [f32; 3]| Volume::new(grid.clone(), values.to_vec()).unwrap().scaled_to_unit();
    assert_eq!(scaled([-2.0, 0.0, 2.0]).voxels(), [0.0, 0.5, 1.0]);
    assert_eq!(scaled([5.0; 3]).voxels(), [0.0; 3]);
}

#[test]
fn the_grid_of_brain_networks_has_the_brains_midline_in_it() {
    let grid = Grid::mni_4mm();
    assert_eq!(grid.count(), 109_350);
    assert_eq!(grid.placement.to_space([22.5, 31.5, 18.0]), [0.0, 0.0, 0.0]);
}

fn sample(name: &str) -> Vec<u8> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/images");
    std::fs::read(folder.join(name)).unwrap()
}

fn head() -> Vec<Slice> {
    ["ct_head_028.dcm", "ct_head_026.dcm", "ct_head_027.dcm"]
        .map(|name| DicomFile::read(&sample(name)).unwrap().slice().unwrap())
        .to_vec()
}

#[test]
fn slices_of_a_series_are_put_together_in_space() {
    let run = from_slices(head()).unwrap();
    assert_eq!((run.grid().sizes, run.count()), ([256, 256, 3], 1));
    let spacing = run.grid().placement.spacing();
    assert!((spacing[2] - 5.0).abs() < 0.01 && spacing[0] < 1.0, "{spacing:?}");
    let (least, most) = run.only().unwrap().range();
    assert!(least >= -1100.0 && most > 300.0, "Hounsfield units from {least} to {most}");
}

#[test]
fn each_fault_of_a_series_is_named() {
    let refused = |slices: Vec<Slice>| from_slices(slices).unwrap_err();
    assert_eq!(refused(Vec::new()), StackError::Empty);
    let changed = |change: &dyn Fn(&mut Slice)| {
        let mut slices = head();
        change(&mut slices[0]);
        refused(slices)
    };
    assert_eq!(changed(&|slice| slice.series = "1.2.3".into()), StackError::Series(2));
    assert_eq!(changed(&|slice| slice.spacing[0] = 3.0), StackError::Unlike);
    assert_eq!(changed(&|slice| slice.position[2] += 4.0), StackError::Gap { least: 5.0, most: 9.0 });
    let mut twice = head();
    twice.push(twice[0].clone());
    assert_eq!(refused(twice), StackError::Twice);
    let flat = head().into_iter().map(|slice| Slice { spacing: [0.0; 2], ..slice }).collect();
    assert_eq!(refused(flat), StackError::Placement);
}

#[test]
fn a_report_is_no_slice() {
    let file = sample("report_sr.dcm");
    assert_eq!(DicomFile::read(&file).unwrap().slice().unwrap_err(), crate::dicom::SliceError::Pixels);
}
