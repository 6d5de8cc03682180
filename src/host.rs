//! The host adapter: the only module that knows proxy-wasm. It translates and decides nothing.

mod access_log;
mod call;
mod clock;
mod logger;
mod metrics;
mod own_callout;
mod reply;
mod shared;
mod vm;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use log::{info, warn};
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use sha2::{Digest as _, Sha256};

use self::logger::Log;
use self::vm::Vm;
use crate::capabilities::{Capabilities, recognise};
use crate::config::{Config, HostName};
use crate::gateway::Gateway;
use crate::policy::Policy;

/// How often held requests and key sets are looked at. `ngx_wasm_module` traps where it is set twice, so it only changes in
/// hosts where a callback wakes other requests.
const TICK: Duration = Duration::from_millis(50);
/// When the next tick comes while requests wait for their turn: the shortest period that hosts have.
const AT_ONCE: Duration = Duration::from_millis(1);

proxy_wasm::main! {{
    Log::install();
    proxy_wasm::set_root_context(|id| {
        FIRST_ROOT.with(|first| first.set(first.get().or(Some(id))));
        Box::new(Root { id, started: false, ticks: false, vm: Rc::new(RefCell::new(Vm::new())) })
    });
}}

thread_local! {
    /// The VM's first root context, by which its host is known. Later ones have numbers of any size.
    static FIRST_ROOT: Cell<Option<u32>> = const { Cell::new(None) };
}

struct Root {
    id: u32,
    /// Whether `on_vm_start` was called.
    started: bool,
    /// Whether the tick is set.
    ticks: bool,
    vm: Rc<RefCell<Vm>>,
}

struct Stream {
    id: u32,
    refused: bool,
    vm: Rc<RefCell<Vm>>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        self.vm
            .borrow_mut()
            .handle_response(self.id, token, headers, body);
        let _ = call::set_effective_context(self.id);
    }

    fn on_done(&mut self) -> bool {
        self.vm.borrow_mut().handle_end();
        true
    }
}

impl RootContext for Root {
    fn on_vm_start(&mut self, _: usize) -> bool {
        self.started = true;
        true
    }

    fn on_configure(&mut self, _: usize) -> bool {
        let first = FIRST_ROOT.with(Cell::get).unwrap_or(self.id);
        match configure(recognise(first, self.started)) {
            Ok((gateway, host)) => {
                // ngx_wasm_module traps if the tick period is set twice.
                if host.tick && !std::mem::replace(&mut self.ticks, true) {
                    call::set_tick_period(TICK);
                }
                self.vm.borrow_mut().configure(gateway, host);
                true
            }
            Err(error) => {
                call::log(
                    call::ERROR,
                    &format!("auth-filter: configuration refused: {error}"),
                );
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.vm.borrow_mut().tick(self.id);
        let _ = call::set_effective_context(self.id);
    }

    fn create_http_context(&self, id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream {
            id,
            refused: false,
            vm: Rc::clone(&self.vm),
        }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Context for Stream {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        self.vm
            .borrow_mut()
            .handle_response(self.id, token, headers, body);
        let _ = call::set_effective_context(self.id);
    }

    fn on_done(&mut self) -> bool {
        self.vm.borrow_mut().handle_done(self.id);
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, is_whole: bool) -> Action {
        let action = self.vm.borrow_mut().handle_request(self.id, is_whole);
        self.refused = action.is_none();
        action.unwrap_or(Action::Pause)
    }

    fn on_http_request_body(&mut self, _: usize, _: bool) -> Action {
        self.gate()
    }

    fn on_http_request_trailers(&mut self, count: usize) -> Action {
        if count > 0 {
            self.vm.borrow().strip_trailers();
        }
        self.gate()
    }
}

impl Stream {
    /// A body goes on only behind headers that did.
    fn gate(&self) -> Action {
        if self.refused || self.vm.borrow().is_held(self.id) {
            Action::Pause
        } else {
            Action::Continue
        }
    }
}

fn configure(recognised: HostName) -> Result<(Gateway, Capabilities), String> {
    let text = call::plugin_configuration().unwrap_or_default();
    let mut config = Config::parse(&text).map_err(|error| error.to_string())?;
    let host = config.host.named().unwrap_or(recognised);
    let capabilities = Capabilities::of(host, &config.nginx);
    let read = |name: &str| {
        let read = capabilities.environment.then(|| std::env::var(name).ok());
        read.flatten()
    };
    config
        .read_environment(read, capabilities.missing_variable())
        .map_err(|error| error.located(&text).to_string())?;
    let policy = Policy::compile(&config, &capabilities);
    let mut policy = policy.map_err(|error| error.to_string())?;
    policy.digest = Some(Sha256::digest(&text).into());
    info!("auth-filter: the host is {}", host.word());
    for warning in &policy.warnings {
        warn!("auth-filter: {warning}");
    }
    let secret = call::random().ok_or("the host has no random numbers")?;
    Ok((Gateway::new(policy, secret), capabilities))
}
