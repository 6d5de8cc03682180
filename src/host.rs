//! The host adapter: the only module that knows proxy-wasm. It translates and decides nothing.

mod call;
mod journal;
mod logger;
mod metrics;
mod reply;
mod shared;
mod vm;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use log::warn;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType};

use self::logger::Log;
use self::vm::Vm;
use crate::config::Config;
use crate::gateway::Gateway;
use crate::policy::Policy;

/// How often held requests and key sets are looked at. Fixed: some hosts trap when it is set twice.
const TICK: Duration = Duration::from_millis(50);

proxy_wasm::main! {{
    Log::install();
    proxy_wasm::set_root_context(|id| Box::new(Root { id, vm: Rc::default() }));
}}

struct Root {
    id: u32,
    vm: Rc<RefCell<Vm>>,
}

struct Stream {
    id: u32,
    refused: bool,
    vm: Rc<RefCell<Vm>>,
}

impl Context for Root {
    fn on_http_call_response(&mut self, token: u32, headers: usize, body: usize, _: usize) {
        self.vm.borrow_mut().handle_response(token, headers, body);
        let _ = call::set_effective_context(self.id);
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _: usize) -> bool {
        match configure() {
            Ok(gateway) => {
                self.vm.borrow_mut().configure(gateway);
                call::set_tick_period(TICK);
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
        self.vm.borrow_mut().handle_response(token, headers, body);
        let _ = call::set_effective_context(self.id);
    }

    fn on_done(&mut self) -> bool {
        self.vm.borrow_mut().handle_done(self.id);
        true
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let action = self.vm.borrow_mut().handle_request(self.id);
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

fn configure() -> Result<Gateway, String> {
    let text = call::plugin_configuration().unwrap_or_default();
    let config = Config::parse(&text).map_err(|error| error.to_string())?;
    let policy = Policy::compile(&config).map_err(|error| error.to_string())?;
    for warning in &policy.warnings {
        warn!("auth-filter: {warning}");
    }
    let secret = call::random().ok_or("the host has no random numbers")?;
    Ok(Gateway::new(policy, secret))
}
