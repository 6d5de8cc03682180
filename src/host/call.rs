//! Checked host calls: raw status codes, bytes instead of text, no panics.
//!
//! The SDK's own wrappers panic on statuses that they do not list and on header bytes that are not UTF-8, so
//! a client could end the VM. Each call here is total: what fails is a value, and what a host hands over is
//! taken once and checked.
#![expect(
    unsafe_code,
    reason = "the ABI is raw pointers; this is the only module that touches them"
)]

use std::time::Duration;

use crate::time::UnixTime;

/// The ABI's log level for errors.
pub(super) const ERROR: u32 = 4;

/// The ABI's numbers of header maps.
#[derive(Clone, Copy)]
pub(super) enum MapType {
    RequestHeaders,
    RequestTrailers,
    CalloutHeaders,
}

impl MapType {
    const fn number(self) -> u32 {
        match self {
            Self::RequestHeaders => 0,
            Self::RequestTrailers => 1,
            Self::CalloutHeaders => 6,
        }
    }
}

/// How a write to shared data ended.
pub(super) enum Stored {
    Done,
    Lost,
    Unavailable,
}

const OK: u32 = 0;
const CAS_MISMATCH: u32 = 8;
const CALLOUT_BODY: u32 = 4;
const PLUGIN_CONFIGURATION: u32 = 7;

/// The id of the wall clock among WASI's clocks.
const REALTIME: u32 = 0;
/// WASI's clock that never goes back.
const MONOTONIC: u32 = 1;
/// How exact the time must be, in nanoseconds.
const MILLISECOND: u64 = 1_000_000;

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn clock_time_get(clock: u32, precision: u64, time: *mut u64) -> u32;
    fn random_get(data: *mut u8, size: usize) -> u32;
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        value_size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(
        key: *const u8,
        key_size: usize,
        data: *const u8,
        size: usize,
        cas: u32,
    ) -> u32;
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, data: *const u8, size: usize) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, by: i64) -> u32;
}

/// Takes ownership of what the host allocated through the SDK's `proxy_on_memory_allocate`.
fn taken(status: u32, data: *mut u8, size: usize) -> Option<Vec<u8>> {
    if status != OK {
        return None;
    }
    if data.is_null() || size == 0 {
        return Some(Vec::new());
    }
    // SAFETY: the SDK's allocator handed out exactly `size` bytes at `data`, and nobody else frees them.
    Some(unsafe { Vec::from_raw_parts(data, size, size) })
}

/// The wall clock, or `None` from a host without one: never the epoch. Each way to read it is missing on some host.
pub(super) fn wall_clock() -> Option<UnixTime> {
    wasi_clock(REALTIME)
        .or_else(|| {
            let mut nanoseconds = 0_u64;
            // SAFETY: the pointer is to a local of the right size.
            let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
            (status == OK && nanoseconds != 0).then_some(nanoseconds / MILLISECOND)
        })
        .map(UnixTime::from_millis)
}

/// The milliseconds of the clock that never goes back, or `None` from a host without one.
pub(super) fn monotonic_clock() -> Option<u64> {
    wasi_clock(MONOTONIC)
}

/// The milliseconds of a clock.
fn wasi_clock(clock: u32) -> Option<u64> {
    let mut nanoseconds = 0_u64;
    // SAFETY: the pointer is to a local of the right size.
    let status = unsafe { clock_time_get(clock, MILLISECOND, &raw mut nanoseconds) };
    (status == 0 && nanoseconds != 0).then_some(nanoseconds / MILLISECOND)
}

pub(super) fn log(level: u32, text: &str) {
    // SAFETY: pointer and size are of one live string.
    let _ = unsafe { proxy_log(level, text.as_ptr(), text.len()) };
}

pub(super) fn set_tick_period(period: Duration) {
    let millis = u32::try_from(period.as_millis()).unwrap_or(u32::MAX);
    // SAFETY: no pointers.
    let _ = unsafe { proxy_set_tick_period_milliseconds(millis) };
}

fn buffer(kind: u32, max: usize) -> Option<Vec<u8>> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the pointers are to locals of the right size.
    let status = unsafe { proxy_get_buffer_bytes(kind, 0, max, &raw mut data, &raw mut size) };
    taken(status, data, size)
}

pub(super) fn plugin_configuration() -> Option<Vec<u8>> {
    buffer(PLUGIN_CONFIGURATION, usize::MAX >> 1)
}

pub(super) fn callout_body(size: usize) -> Option<Vec<u8>> {
    if size == 0 {
        Some(Vec::new())
    } else {
        buffer(CALLOUT_BODY, size)
    }
}

pub(super) fn header_map(map: MapType) -> Option<Vec<u8>> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the pointers are to locals of the right size.
    let status = unsafe { proxy_get_header_map_pairs(map.number(), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

pub(super) fn set_header(name: &str, value: &[u8]) {
    // SAFETY: pointers and sizes are of live strings.
    let _ = unsafe {
        proxy_replace_header_map_value(
            MapType::RequestHeaders.number(),
            name.as_ptr(),
            name.len(),
            value.as_ptr(),
            value.len(),
        )
    };
}

pub(super) fn remove_header(map: MapType, name: &[u8]) {
    // SAFETY: pointer and size are of one live slice.
    let _ = unsafe { proxy_remove_header_map_value(map.number(), name.as_ptr(), name.len()) };
}

pub(super) fn shared_data(key: &str) -> Option<(Vec<u8>, u32)> {
    let (mut data, mut size, mut cas) = (std::ptr::null_mut(), 0, 0);
    // SAFETY: pointers are to locals of the right size and to one live string.
    let status = unsafe {
        proxy_get_shared_data(
            key.as_ptr(),
            key.len(),
            &raw mut data,
            &raw mut size,
            &raw mut cas,
        )
    };
    taken(status, data, size).map(|value| (value, cas))
}

pub(super) fn set_shared_data(key: &str, value: &[u8], cas: u32) -> Stored {
    // SAFETY: pointers and sizes are of live slices.
    match unsafe {
        proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas)
    } {
        OK => Stored::Done,
        CAS_MISMATCH => Stored::Lost,
        _ => Stored::Unavailable,
    }
}

/// A property of the request; its path's parts are separated by NUL.
pub(super) fn property(path: &str) -> Option<Vec<u8>> {
    let (mut data, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: pointers are to one live string and to locals of the right size.
    let status =
        unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut data, &raw mut size) };
    taken(status, data, size)
}

/// Tells the host something of the request. Its path's parts are separated by NUL.
pub(super) fn set_property(name: &str, value: &[u8]) {
    // SAFETY: pointers and sizes are of live strings.
    let _ = unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
}

/// Random bytes, or `None` from a host without any.
pub(super) fn random() -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    // SAFETY: pointer and size are of one local.
    let status = unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) };
    (status == 0).then_some(bytes)
}

pub(super) fn set_effective_context(context: u32) -> bool {
    // SAFETY: no pointers.
    unsafe { proxy_set_effective_context(context) == OK }
}

/// Lets the request of the effective context go on.
pub(super) fn resume_request() {
    // SAFETY: no pointers.
    let _ = unsafe { proxy_continue_stream(0) };
}

pub(super) fn send_local_response(
    status: u16,
    details: &str,
    headers: &[(&str, String)],
    body: &str,
    grpc_status: u8,
) {
    let headers = encode(headers);
    // SAFETY: pointers and sizes are of live slices.
    let _ = unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            i32::from(grpc_status),
        )
    };
}

/// The number of a counter, or `None` from a host without metrics.
pub(super) fn define_counter(name: &str) -> Option<u32> {
    let mut id = 0_u32;
    // SAFETY: pointers are to one live string and to a local of the right size.
    let status = unsafe { proxy_define_metric(0, name.as_ptr(), name.len(), &raw mut id) };
    (status == OK).then_some(id)
}

/// Adds so many to a counter.
pub(super) fn increment(id: u32, by: i64) {
    // SAFETY: no pointers.
    let _ = unsafe { proxy_increment_metric(id, by) };
}

/// The serialized map of the ABI.
fn encode(pairs: &[(&str, String)]) -> Vec<u8> {
    let size = |text: &str| u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = u32::try_from(pairs.len())
        .unwrap_or(u32::MAX)
        .to_le_bytes()
        .to_vec();
    for (name, value) in pairs {
        out.extend(size(name));
        out.extend(size(value));
    }
    for (name, value) in pairs {
        for text in [name.as_bytes(), value.as_bytes()] {
            out.extend_from_slice(text);
            out.push(0);
        }
    }
    out
}
