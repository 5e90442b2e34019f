//! A patient who works on, and a physician who reads, while programs are killed under them.

use std::collections::{BTreeMap, BTreeSet};
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use cloud::{Cloud, Device};

pub(crate) mod cloud;
mod random;

pub(crate) use random::Random;

use crate::world::text;

/// One operation in so many is cut by a kill.
const KILL_ONE_IN: u64 = 4;
/// Files that the record has at most; later additions change the content of one of them.
const MOST_FILES: u64 = 16;

/// What was acknowledged, and what goes on.
pub(crate) struct Ordeal {
    owner: Device,
    reader: Device,
    reader_handle: String,
    cloud: Cloud,
    random: Random,
    /// Content by name.
    files: BTreeMap<String, Vec<u8>>,
    /// Grants in force.
    grants: BTreeSet<String>,
    revoked: BTreeSet<String>,
    /// How long each operation takes when nobody disturbs it.
    usual: BTreeMap<&'static str, Duration>,
    kills: usize,
}

/// What an operation changes when it succeeds.
enum Doubt {
    File(String, Vec<u8>),
    Granted,
    Revoked(String),
    Nothing,
}

impl Ordeal {
    pub(crate) fn begin(cloud: Cloud, random: Random) -> Self {
        let owner = cloud.register(&cowl_testkit::shared::fresh("patient"), "patient");
        let reader_handle = cowl_testkit::shared::fresh("physician");
        let reader = cloud.register(&reader_handle, "physician");
        let mut ordeal = Self {
            owner,
            reader,
            reader_handle,
            cloud,
            random,
            files: BTreeMap::new(),
            grants: BTreeSet::new(),
            revoked: BTreeSet::new(),
            usual: BTreeMap::new(),
            kills: 0,
        };
        // Something to grant, and the time that an addition takes.
        ordeal.add(false);
        ordeal
    }

    /// One operation, killed or not.
    pub(crate) fn do_something(&mut self) {
        let kill = self.random.below(KILL_ONE_IN) == 0;
        match self.random.below(20) {
            0..11 => self.add(kill),
            11..15 => self.grant(kill),
            15..18 => self.revoke(kill),
            18 => self.agent(kill),
            _ if kill => self.owner.kill_keeper(),
            _ => self.add(false),
        }
    }

    /// All that was cut is finished, and everything is as it was acknowledged.
    pub(crate) fn finish(mut self) {
        self.agent(false);
        for id in self.grants.clone() {
            self.run(false, "revoke", &["grant", "revoke", &id], Doubt::Revoked(id.clone()));
        }
        self.agent(false);
        let listed = self.owner.json(&["grant", "list", "--given"]);
        for grant in listed["grants"].as_array().unwrap() {
            assert_eq!((&grant["state"], &grant["rekeyed"]), (&"revoked".into(), &true.into()), "{grant}");
        }
        let checked = self.owner.run(&["record", "check"]);
        assert!(checked.status.success(), "{}", text(&checked.stderr));
        self.verify(&Doubt::Nothing);
        println!("{} kills, {} grants revoked", self.kills, self.revoked.len());
        assert!(self.kills > 0 && !self.revoked.is_empty());
    }

    fn add(&mut self, kill: bool) {
        let name = format!("note-{}.txt", self.random.below(MOST_FILES));
        let length = 1 + self.random.below(20_000);
        let content: Vec<u8> = (0..length).map(|_| b'a' + self.random.below(26) as u8).collect();
        let file = self.owner.write(&name, &content);
        let doubt = Doubt::File(name, content);
        self.run(kill, "add", &["record", "add", file.to_str().unwrap()], doubt);
    }

    fn grant(&mut self, kill: bool) {
        let about =
            if self.random.below(5) == 0 { None } else { self.some(self.files.keys().cloned().collect()) };
        let reader = self.reader_handle.clone();
        let mut words = vec!["grant", "make", "--to", &reader, "--purpose", "treatment", "--trust-first-use"];
        match &about {
            Some(name) => words.extend(["--item", name]),
            None => words.push("--all"),
        }
        self.run(kill, "grant", &words, Doubt::Granted);
    }

    fn revoke(&mut self, kill: bool) {
        let Some(id) = self.some(self.grants.iter().cloned().collect()) else { return self.grant(kill) };
        let mut words = vec!["grant", "revoke", &id];
        if self.random.below(3) == 0 {
            words.push("--detach");
        }
        self.run(kill, "revoke", &words, Doubt::Revoked(id.clone()));
    }

    fn agent(&mut self, kill: bool) {
        self.run(kill, "agent", &["agent", "run", "--headless", "--once"], Doubt::Nothing);
    }

    fn some(&mut self, mut choices: Vec<String>) -> Option<String> {
        if choices.is_empty() {
            return None;
        }
        let index = self.random.below(choices.len() as u64) as usize;
        Some(choices.swap_remove(index))
    }

    /// Runs a command of the owner's until it is acknowledged; the first time, something may be killed under it.
    fn run(&mut self, kill: bool, kind: &'static str, words: &[&str], doubt: Doubt) {
        if kill {
            let output = self.run_killed(kind, words);
            let acknowledged = output.as_ref().is_some_and(|output| output.status.success());
            if let Some(output) = output.filter(|output| !output.status.success()) {
                let told = text(&output.stderr);
                assert!(told.contains("error:") && !told.contains("panicked"), "{words:?}: {told}");
            }
            if acknowledged {
                self.acknowledge(doubt);
                return self.verify(&Doubt::Nothing);
            }
            self.verify(&doubt);
            if self.has_happened(&doubt) {
                return self.settle(doubt);
            }
        }
        let started = Instant::now();
        let output = self.owner.run(words);
        assert!(output.status.success(), "{words:?}: {}", text(&output.stderr));
        self.usual.insert(kind, started.elapsed());
        self.acknowledge(doubt);
    }

    /// `None` when the command itself was killed.
    fn run_killed(&mut self, kind: &'static str, words: &[&str]) -> Option<Output> {
        self.kills += 1;
        let usual = self.usual.get(kind).copied().unwrap_or(Duration::from_millis(300));
        let moment = usual.mul_f64(self.random.below(1100) as f64 / 1000.0);
        let mut command = self.owner.command(words);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(moment);
        if self.random.below(2) == 0 {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            // It may have ended before.
            return output.status.code().map(|_| output);
        }
        self.cloud.kill();
        if self.random.below(2) == 0 {
            // Back at once: who repeats its calls notices nothing.
            self.cloud.restart();
            return Some(child.wait_with_output().unwrap());
        }
        let output = child.wait_with_output().unwrap();
        self.cloud.restart();
        Some(output)
    }

    fn acknowledge(&mut self, doubt: Doubt) {
        match doubt {
            Doubt::File(name, content) => drop(self.files.insert(name, content)),
            Doubt::Granted => self.adopt_grants(),
            Doubt::Revoked(id) => {
                self.grants.remove(&id);
                self.revoked.insert(id);
            }
            Doubt::Nothing => {}
        }
    }

    /// Whether a grant or a revocation that nobody acknowledged has been made all the same.
    fn has_happened(&self, doubt: &Doubt) -> bool {
        match doubt {
            Doubt::Revoked(id) => self.owner.json(&["grant", "show", id])["state"] == "revoked",
            Doubt::Granted => self.living().len() > self.grants.len(),
            Doubt::File(..) | Doubt::Nothing => false,
        }
    }

    fn settle(&mut self, doubt: Doubt) {
        self.acknowledge(doubt);
        self.agent(false);
    }

    /// Grants in force, as the owner sees them.
    fn living(&self) -> BTreeSet<String> {
        let grants = self.owner.json(&["grant", "list", "--given", "--active"]);
        grants["grants"].as_array().unwrap().iter().map(|grant| word(&grant["grant"])).collect()
    }

    fn adopt_grants(&mut self) {
        let living = self.living();
        assert!(self.grants.is_subset(&living), "a grant is lost");
        self.grants = living;
    }

    /// Every acknowledged item opens with its bytes, no other is to be seen, the physician reads what is granted
    /// and nothing else, and the log is consistent with all that was seen of it.
    fn verify(&self, doubt: &Doubt) {
        self.verify_files(doubt);
        let given = self.owner.json(&["grant", "list", "--given"]);
        let state = |id: &String| {
            let grants = given["grants"].as_array().unwrap().iter();
            word(&grants.into_iter().find(|grant| grant["grant"] == id.as_str()).unwrap()["state"])
        };
        let in_doubt = |id: &String| matches!(doubt, Doubt::Revoked(doubtful) if doubtful == id);
        assert!(self.grants.iter().all(|id| in_doubt(id) || state(id) == "active"), "{given}");
        assert!(self.revoked.iter().all(|id| state(id) == "revoked"), "{given}");
        self.verify_reader(doubt);
        let audit = self.owner.run(&["audit", "verify"]);
        assert!(audit.status.success(), "{}", text(&audit.stderr));
    }

    fn verify_files(&self, doubt: &Doubt) {
        let folder = self.owner.fresh_folder("export");
        let exported = self.owner.run(&["record", "export", "-o", folder.to_str().unwrap()]);
        assert!(exported.status.success(), "{}", text(&exported.stderr));
        let mut seen = BTreeSet::new();
        for entry in std::fs::read_dir(&folder).unwrap().flatten() {
            let (name, content) =
                (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap());
            let acknowledged = self.files.get(&name) == Some(&content);
            let new = matches!(doubt, Doubt::File(which, it) if *which == name && *it == content);
            assert!(acknowledged || new, "{name} holds something else");
            seen.insert(name);
        }
        assert!(self.files.keys().all(|name| seen.contains(name)), "{seen:?}");
        let listed = self.owner.json(&["record", "list"]);
        assert_eq!(listed["items"].as_array().unwrap().len(), seen.len(), "{listed}");
    }

    /// The physician sees exactly the items that grants in force are about.
    fn verify_reader(&self, doubt: &Doubt) {
        if matches!(doubt, Doubt::Granted | Doubt::Revoked(_)) {
            return;
        }
        let given = self.owner.json(&["grant", "list", "--given", "--active"]);
        let given = given["grants"].as_array().unwrap();
        let granted: BTreeSet<&str> = given.iter().filter_map(|grant| grant["item"].as_str()).collect();
        let everything = given.iter().any(|grant| grant["item"].is_null());
        let listed = self.owner.json(&["record", "list"]);
        for item in listed["items"].as_array().unwrap() {
            let id = item["item"].as_str().unwrap();
            let output = self.reader.run(&["record", "get", id]);
            let may = everything || granted.contains(id);
            assert_eq!(output.status.success(), may, "{item}: {}", text(&output.stderr));
            // One of each kind a time: every look is a process.
            if !may || everything {
                break;
            }
        }
    }
}

fn word(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}
