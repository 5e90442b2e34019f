//! `cowl image`: sealed for adding, combined without a key, opened; files only.

#![allow(clippy::unwrap_used, clippy::print_stderr)] // Helpers are test code, too.

mod world;

use std::path::{Path, PathBuf};
use std::process::Output;

use tempfile::TempDir;
use world::{cowl, text};

/// A folder with three slices of a head, sealed under one key.
struct Stack(TempDir);

const SLICES: [&str; 3] = ["ct_head_026.dcm", "ct_head_027.dcm", "ct_head_028.dcm"];

/// Opens the key file.
const OPENS: [&str; 4] = ["-k", "stack.key", "-i", "identity"];

impl Stack {
    fn new() -> Self {
        let stack = Self(tempfile::tempdir().unwrap());
        for name in SLICES {
            std::fs::copy(sample(name), stack.path(name)).unwrap();
        }
        stack.expect(0, &["key", "make", "-o", "identity"]);
        stack.make_key_file();
        std::fs::create_dir(stack.path("sealed")).unwrap();
        let seal = ["image", "seal-additive", "--images", "4", "-o", "sealed"];
        stack.expect(0, &[&seal[..], &OPENS, &SLICES].concat());
        stack
    }

    /// A key of the vectors in a file as the command makes one, which would take a while.
    fn make_key_file(&self) {
        let vector = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/paillier/secret-2048.cbor");
        let content = [b"cowl-image-key/v1\n".to_vec(), std::fs::read(vector).unwrap()].concat();
        std::fs::write(self.path("content"), content).unwrap();
        self.expect(0, &["seal", "-r", &self.recipient(), "-o", "stack.key", "content"]);
    }

    fn recipient(&self) -> String {
        text(&self.expect(0, &["key", "recipient", "-i", "identity"]).stdout).trim().to_owned()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn expect(&self, status: i32, arguments: &[&str]) -> Output {
        let output = cowl(self.0.path()).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {}", text(&output.stderr));
        output
    }

    fn refusal(&self, arguments: &[&str]) -> String {
        text(&self.expect(1, arguments).stderr)
    }

    /// The sums in a volume of 32-bit integers.
    fn sums(&self, name: &str) -> Vec<i32> {
        let volume = std::fs::read(self.path(name)).unwrap();
        volume[352..].chunks_exact(4).map(|sum| i32::from_le_bytes(sum.try_into().unwrap())).collect()
    }
}

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samples/images").join(name)
}

/// The samples of an uncompressed slice.
fn samples(name: &str) -> Vec<i32> {
    let file = std::fs::read(sample(name)).unwrap();
    let samples = cowl_imaging::additive::Samples::read(&file).unwrap();
    samples.values().to_vec()
}

#[test]
fn slices_are_averaged_and_subtracted_by_somebody_without_the_key() {
    let stack = Stack::new();
    let sealed = SLICES.map(|name| format!("sealed/{name}.sealed"));
    let [first, second, third] = sealed.each_ref().map(String::as_str);
    stack.expect(0, &["image", "combine", "--average", "-o", "mean", first, second, third]);
    stack.expect(0, &["image", "combine", "--subtract", "-o", "change", first, second]);
    stack.expect(0, &["image", "combine", "--factors", "2,-1", "-o", "double", first, third]);
    for name in ["mean", "change", "double"] {
        let output = format!("{name}.nii");
        stack.expect(0, &[&["image", "open", name, "-o", output.as_str()][..], &OPENS].concat());
    }
    let clear = SLICES.map(samples);
    let with = |factors: [i32; 3]| -> Vec<i32> {
        let sum = |pixel| (0..3).map(|slice| clear[slice][pixel] * factors[slice]).sum();
        (0..clear[0].len()).map(sum).collect()
    };
    assert!(stack.sums("mean.nii") == with([1, 1, 1]));
    assert!(stack.sums("change.nii") == with([1, -1, 0]));
    assert!(stack.sums("double.nii") == with([2, 0, -1]));
    // A third, as the volume's slope.
    assert_eq!(std::fs::read(stack.path("mean.nii")).unwrap()[112..116], (1.0_f32 / 3.0).to_le_bytes());
}

#[test]
fn a_window_is_shown_and_what_no_picture_can_show_is_refused() {
    let stack = Stack::new();
    let [first, second] = ["sealed/ct_head_026.dcm.sealed", "sealed/ct_head_027.dcm.sealed"];
    stack.expect(0, &["image", "combine", "--subtract", "-o", "change", first, second]);
    let open = |more: &[&'static str]| -> Vec<&'static str> {
        [&["image", "open", "change", "-o", "change.png"][..], &OPENS, more].concat()
    };
    let refusal = stack.refusal(&open(&[]));
    assert!(refusal.contains("not whole numbers from 0 to 65,535"), "{refusal}");
    stack.expect(0, &open(&["--window", "all"]));
    stack.expect(0, &open(&["--window", "-20/400"]));
    let picture = std::fs::read(stack.path("change.png")).unwrap();
    let picture = cowl_imaging::display::DisplayImage::decode(&picture).unwrap();
    assert_eq!((picture.width(), picture.height()), (256, 256));
    let volume = [&["image", "open", "change", "-o", "change.nii", "--window", "all"][..], &OPENS].concat();
    stack.expect(2, &volume);
    stack.expect(2, &[&["image", "open", "change", "-o", "change.jpg"][..], &OPENS].concat());
}

#[test]
fn slips_are_named() {
    let stack = Stack::new();
    let first = "sealed/ct_head_026.dcm.sealed";
    let many = [first; 5];
    let refusal = stack.refusal(&[&["image", "combine", "--add", "-o", "sum"][..], &many].concat());
    assert!(
        refusal.contains("a sum of 5 images does not fit") && refusal.contains("--images N"),
        "{refusal}"
    );
    assert!(!stack.path("sum").exists());
    let refusal = stack.refusal(&["image", "combine", "--add", "-o", "sum", first, SLICES[0]]);
    assert!(refusal.contains("ct_head_026.dcm: not a sealed image"), "{refusal}");
    stack.expect(0, &["key", "make", "-o", "stranger"]);
    let refusal =
        stack.refusal(&["image", "open", first, "-o", "x.nii", "-k", "stack.key", "-i", "stranger"]);
    assert!(refusal.contains("not opened"), "{refusal}");
    let refusal = stack.refusal(&["image", "open", first, "-o", "x.nii", "-k", first, "-i", "identity"]);
    assert!(refusal.contains("not opened"), "{refusal}");
    let again = ["image", "seal-additive", "--new-key", "-k", "stack.key", "-o", "x", SLICES[0], "-p"];
    assert!(text(&stack.expect(2, &again).stderr).contains("there is a key file already"));
    let refusal = stack.refusal(&[&["image", "seal-additive", "identity", "-o", "x"][..], &OPENS].concat());
    assert!(refusal.contains("identity: no pixels to add"), "{refusal}");
    stack.expect(2, &["image", "combine", "-o", "sum", first]);
}

#[test]
fn a_new_key_file_is_sealed_under_a_passphrase_and_opens_its_own_images_only() {
    let stack = Stack::new();
    std::fs::write(stack.path("words"), "correct horse\n").unwrap();
    let made = ["image", "seal-additive", "--new-key", "--bits", "2048", "-k", "mine.key", "-o", "one"];
    stack.expect(0, &[&made[..], &["--passphrase-file", "words", SLICES[0]]].concat());
    stack.expect(
        0,
        &["image", "open", "one", "-o", "one.nii", "-k", "mine.key", "--passphrase-file", "words"],
    );
    assert!(stack.sums("one.nii") == samples(SLICES[0]));
    let refusal = stack.refusal(&[&["image", "open", "one", "-o", "x.nii"][..], &OPENS].concat());
    assert!(refusal.contains("sealed under another one"), "{refusal}");
}
