//! A proxy-wasm filter that does nothing, with the callbacks that a filter of any SDK has: the floor under every
//! WebAssembly filter. Compiled by `cargo xtask bench` itself.
#![no_std]

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    core::arch::wasm32::unreachable()
}

/// Enough for what the host hands over; nothing is kept.
static mut ARENA: [u8; 1 << 20] = [0; 1 << 20];

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(_: usize) -> *mut u8 {
    (&raw mut ARENA).cast()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(_: u32, _: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(_: u32, _: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(_: u32, _: u32, _: u32) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_body(_: u32, _: u32, _: u32) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_trailers(_: u32, _: u32) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(_: u32, _: u32, _: u32) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_body(_: u32, _: u32, _: u32) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_trailers(_: u32, _: u32) -> u32 {
    0
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_done(_: u32) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_log(_: u32) {}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(_: u32) {}
