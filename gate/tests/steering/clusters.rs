//! The files that a user copies: their form, and the commands in them, executed here as the cluster would.
//!
//! Absent: a cluster. Whether GitHub, Slurm and Kubernetes read the files as they are meant is theirs to say; what can be
//! looked at here is that they parse, that what refers to something refers to what is there, and that the commands come to
//! the same as one run.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use super::{CLUSTER, SMALL, expect, folder, one_run, without_times};

fn root() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the gate is a folder of the workspace").to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The documents of a YAML file.
fn yaml(path: &str) -> Vec<Value> {
    serde_saphyr::from_multiple(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What a path of words leads to.
#[track_caller]
fn at<'a>(value: &'a Value, words: &str) -> &'a Value {
    let found = value.pointer(&format!("/{}", words.replace('.', "/")));
    found.unwrap_or_else(|| panic!("found no `{words}` in {value:#}"))
}

#[track_caller]
fn word<'a>(value: &'a Value, words: &str) -> &'a str {
    at(value, words).as_str().unwrap_or_else(|| panic!("`{words}` is no text in {value:#}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn words(value: &Value) -> Vec<String> {
    list(value).iter().map(|each| each.as_str().expect("a list of texts").to_owned()).collect()
}

/// A shell's call with only what the cluster would set; `bin` stands before the other programs.
fn call(folder: &Path, words: &[String], variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    for name in CLUSTER {
        command.env_remove(name);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", folder.join("bin").display()));
    command.envs(variables.iter().copied());
    command
}

/// Runs all of them at the same time, as machines do.
fn at_once(commands: impl IntoIterator<Item = Command>) -> Vec<Output> {
    let spawned = commands.into_iter().map(|mut command| command.spawn().expect("it can be run"));
    let children: Vec<_> = spawned.collect();
    children
        .into_iter()
        .map(|child| child.wait_with_output().expect("it was spawned here"))
        .collect()
}

/// A program for the files to call.
fn script(folder: &Path, name: &str, text: &str) {
    fs::create_dir_all(folder.join("bin")).expect("the folder is writable");
    let path = folder.join("bin").join(name);
    fs::write(&path, format!("#!/bin/sh\n{text}\n")).expect("the folder is writable");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("the file is ours");
}

/// The report of all parts is that of one run, but for the folder's name in it.
#[track_caller]
fn expect_one_run(name: &str, folder: &Path, out: &str) {
    let (whole, _) = one_run(name, SMALL);
    let text = fs::read_to_string(folder.join(out).join("report.json"));
    let text = text.expect("the merge has left a report").replace(&format!("\"{out}/"), "\"out/");
    assert_eq!(without_times(&text), super::report(&whole));
}

/// A text of the workflow with the values of one machine.
fn expanded(text: &str, shard: u64, total: usize) -> String {
    let text = text.replace("${{ matrix.shard }}", &shard.to_string());
    let text = text.replace("${{ strategy.job-total }}", &total.to_string());
    assert!(!text.contains("${{"), "no value is known for an expression in `{text}`");
    text
}

/// Looks at the form of the workflow, and returns the numbers of its shards.
fn workflow_shards(workflow: &Value) -> Vec<u64> {
    for event in ["on.push.branches", "on.pull_request", "permissions.contents", "env.GATE_OUT"] {
        at(workflow, event);
    }
    for job in ["jobs.shard", "jobs.merge"].map(|job| at(workflow, job)) {
        word(job, "runs-on");
        at(job, "timeout-minutes");
        for step in list(at(job, "steps")) {
            let [uses, run] = ["uses", "run"].map(|key| step.get(key).and_then(Value::as_str));
            assert!(
                uses.is_some() != run.is_some(),
                "a step uses something or runs something: {step:#}"
            );
            let is_versioned = |uses: &str| uses.starts_with("actions/") && uses.contains("@v");
            assert!(uses.is_none_or(is_versioned), "{step:#}");
        }
    }
    assert_eq!(word(workflow, "jobs.merge.needs"), "shard");
    let using = |job: &str, action: &str| {
        let steps = list(at(workflow, &format!("jobs.{job}.steps"))).iter();
        let found =
            steps.filter(|step| step["uses"].as_str().is_some_and(|uses| uses.contains(action)));
        found.cloned().collect::<Vec<_>>()
    };
    let out = word(workflow, "env.GATE_OUT");
    let (kept, taken) = (using("shard", "upload-artifact"), using("merge", "download-artifact"));
    assert_eq!(word(&kept[0], "with.path").trim_end_matches('/'), out);
    assert_eq!(word(&taken[0], "with.path"), out);
    let prefix = word(&taken[0], "with.pattern").trim_end_matches('*').to_owned();
    assert!(word(&kept[0], "with.name").starts_with(&prefix), "{prefix}");
    assert_eq!(at(&taken[0], "with.merge-multiple"), &Value::Bool(true));
    assert_eq!(word(&using("merge", "upload-artifact")[0], "with.path").trim_end_matches('/'), out);
    list(at(workflow, "jobs.shard.strategy.matrix.shard"))
        .iter()
        .filter_map(Value::as_u64)
        .collect()
}

#[test]
fn the_workflow_is_well_formed_and_its_parts_are_one_run() {
    let workflow = &yaml(".github/workflows/gate.yml")[0];
    let shards = workflow_shards(workflow);
    assert_eq!(shards, (1..=shards.len() as u64).collect::<Vec<_>>());
    let folder = folder("workflow");
    let binary = env!("CARGO_BIN_EXE_gate");
    // The alias `cargo gate`, and what this test adds to it.
    script(
        &folder,
        "cargo",
        &format!(
            "test \"$1\" = gate || exit 9; shift\n\
             case $1 in merge) exec '{binary}' \"$@\";; *) exec '{binary}' \"$@\" --filter '{SMALL}';; esac"
        ),
    );
    script(&folder, "rustup", "test \"$1 $2 $3\" = \"toolchain install $RUSTUP_TOOLCHAIN\"");
    let (out, toolchain) = (word(workflow, "env.GATE_OUT"), word(workflow, "env.RUSTUP_TOOLCHAIN"));
    let variables = [("GATE_OUT", out), ("RUSTUP_TOOLCHAIN", toolchain)];
    let run = |job: &str, shard: u64| {
        for step in list(at(workflow, &format!("jobs.{job}.steps"))) {
            let Some(text) = step["run"].as_str() else { continue };
            let text = expanded(text, shard, shards.len());
            let words = ["bash", "-eo", "pipefail", "-c", &text].map(str::to_owned);
            let ended = call(&folder, &words, &variables).output().expect("there is a shell");
            expect(&ended, 0);
        }
    };
    for shard in &shards {
        run("shard", *shard);
    }
    run("merge", 0);
    expect_one_run("workflow-whole", &folder, out);
}

/// The `#SBATCH` lines of a script, each an option and its value. All stand before the first command.
fn sbatch(path: &str) -> Vec<(String, String)> {
    const KNOWN: [&str; 8] =
        ["job-name", "array", "cpus-per-task", "mem", "time", "requeue", "signal", "output"];
    let text = read(path);
    let checked = Command::new("bash").args(["-n", path]).current_dir(root()).output();
    let checked = checked.expect("there is a shell");
    assert!(checked.status.success(), "{path}: {}", String::from_utf8_lossy(&checked.stderr));
    let head = text
        .lines()
        .take_while(|line| line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("#SBATCH --"));
    let options: Vec<(String, String)> = head
        .map(|option| option.split_once('=').unwrap_or((option, "")))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    assert_eq!(
        options.len(),
        text.matches("\n#SBATCH ").count(),
        "{path}: one stands after a command"
    );
    for (name, _) in &options {
        assert!(KNOWN.contains(&name.as_str()), "{path}: found option `{name}`");
    }
    options
}

#[test]
fn the_slurm_script_is_an_array_whose_parts_are_one_run() {
    let options = sbatch("ci/slurm/gate.sbatch");
    sbatch("ci/slurm/gate-merge.sbatch");
    let value = |name: &str| &options.iter().find(|(each, _)| each == name).expect("it is said").1;
    assert_eq!(value("array"), "1-4");
    let folder = folder("slurm");
    let path = |script: &str| root().join("ci/slurm").join(script).display().to_string();
    let binary = ("GATE", env!("CARGO_BIN_EXE_gate"));
    // Once as it is written, once counted from 0 in steps of 2, as `--array=0-6:2` would be.
    for (array, ids, step) in [("77", [1, 2, 3, 4], "1"), ("78", [0, 2, 4, 6], "2")] {
        let task = |id: u32| {
            let words = ["bash", &path("gate.sbatch"), "--filter", SMALL].map(str::to_owned);
            let (id, min, max) = (id.to_string(), ids[0].to_string(), ids[3].to_string());
            let variables = [
                binary,
                ("SLURM_ARRAY_JOB_ID", array),
                ("SLURM_ARRAY_TASK_ID", &id),
                ("SLURM_ARRAY_TASK_COUNT", "4"),
                ("SLURM_ARRAY_TASK_MIN", &min),
                ("SLURM_ARRAY_TASK_MAX", &max),
                ("SLURM_ARRAY_TASK_STEP", step),
                ("SLURM_CPUS_PER_TASK", value("cpus-per-task")),
            ];
            call(&folder, &words, &variables)
        };
        at_once(ids.map(task)).iter().for_each(|ended| expect(ended, 0));
        // A task that Slurm begins again has nothing left to do.
        let again = task(ids[1]).output().expect("there is a shell");
        expect(&again, 0);
        let progress = String::from_utf8_lossy(&again.stderr).into_owned();
        assert!(progress.contains("going on") && !progress.contains("[1/"), "{progress}");
        let out = format!("gate-out/{array}");
        let words = ["bash".to_owned(), path("gate-merge.sbatch")];
        let merge = call(&folder, &words, &[binary, ("GATE_OUT", &out)]).output();
        expect(&merge.expect("there is a shell"), 0);
        expect_one_run("slurm-whole", &folder, &out);
    }
    let words = ["bash".to_owned(), path("gate-merge.sbatch")];
    let lost = call(&folder, &words, &[binary]).output().expect("there is a shell");
    assert!(!lost.status.success(), "without a folder there is nothing to put together");
}

/// The only container of a Job, after a look at what belongs to it.
fn container<'a>(job: &'a Value, claim: &str) -> &'a Value {
    assert_eq!((word(job, "apiVersion"), word(job, "kind")), ("batch/v1", "Job"));
    let pod = at(job, "spec.template.spec");
    // With another policy the kubelet would begin again what has said all it has to say.
    assert_eq!(word(pod, "restartPolicy"), "Never");
    let [container] = list(at(pod, "containers")) else { panic!("found several containers") };
    word(container, "image");
    let [mount] = list(at(container, "volumeMounts")) else { panic!("found several mounts") };
    let [volume] = list(at(pod, "volumes")) else { panic!("found several volumes") };
    assert_eq!(word(mount, "name"), word(volume, "name"));
    assert_eq!(word(volume, "persistentVolumeClaim.claimName"), claim);
    assert_eq!(word(mount, "mountPath"), variable(container, "GATE_OUT"));
    container
}

fn variable(container: &Value, name: &str) -> String {
    let found = list(at(container, "env")).iter().find(|each| each["name"] == name);
    // A number that is not in quotes is refused by Kubernetes: values are texts.
    word(found.unwrap_or_else(|| panic!("found no {name}")), "value").to_owned()
}

/// The words of a container, with the folder of this test in place of its volume.
fn command(container: &Value, more: &[&str]) -> Vec<String> {
    let [command, args] = ["command", "args"].map(|key| words(at(container, key)));
    let more = more.iter().map(|word| (*word).to_owned());
    let all = command.into_iter().chain(args).chain(more);
    all.map(|word| if word == "/gate" { "out".to_owned() } else { word }).collect()
}

#[test]
fn the_manifests_are_well_formed_and_their_parts_are_one_run() {
    let documents = yaml("ci/kubernetes/gate-job.yaml");
    let [volume, job] = &documents[..] else { panic!("found {} documents", documents.len()) };
    assert_eq!((word(volume, "apiVersion"), word(volume, "kind")), ("v1", "PersistentVolumeClaim"));
    assert_eq!(words(at(volume, "spec.accessModes")), ["ReadWriteMany"]);
    word(volume, "spec.resources.requests.storage");
    let claim = word(volume, "metadata.name");
    assert_eq!(word(job, "spec.completionMode"), "Indexed");
    let completions = at(job, "spec.completions").as_u64().expect("a number");
    assert_eq!(at(job, "spec.parallelism").as_u64(), Some(completions));
    let pod = container(job, claim);
    assert_eq!(variable(pod, "GATE_SHARDS"), completions.to_string());
    // `FailIndex` is for Jobs with a limit for each index.
    assert!(at(job, "spec.backoffLimitPerIndex").is_u64());
    let rules = list(at(job, "spec.podFailurePolicy.rules"));
    let by_code = rules.iter().find(|rule| rule["action"] == "FailIndex").expect("it is there");
    assert_eq!(at(by_code, "onExitCodes.containerName"), &pod["name"]);
    assert_eq!(at(by_code, "onExitCodes.values"), &serde_json::json!([1, 2, 3, 4, 5]));
    assert_eq!(word(by_code, "onExitCodes.operator"), "In");

    let folder = folder("kubernetes");
    fs::create_dir_all(folder.join("bin")).expect("the folder is writable");
    fs::create_dir_all(folder.join("out")).expect("a volume is there before a pod");
    symlink(env!("CARGO_BIN_EXE_gate"), folder.join("bin/gate")).expect("the folder is writable");
    let count = completions.to_string();
    let words = command(pod, &["--filter", SMALL]);
    let index = |index: u64| {
        let index = index.to_string();
        let variables = [
            ("JOB_COMPLETION_INDEX", index.as_str()),
            ("GATE_SHARDS", &count),
            ("GATE_OUT", "out"),
        ];
        call(&folder, &words, &variables)
    };
    at_once((0..completions).map(index)).iter().for_each(|ended| expect(ended, 0));
    // A pod that is begun again goes on.
    expect(&index(2).output().expect("there is a shell"), 0);
    let merge = yaml("ci/kubernetes/gate-merge.yaml");
    let words = command(container(&merge[0], claim), &[]);
    let merged = call(&folder, &words, &[("GATE_OUT", "out")]).output();
    expect(&merged.expect("there is a shell"), 0);
    expect_one_run("kubernetes-whole", &folder, "out");
}
