use ecp_methods::Jeton;
use ecp_methods::request::CaptureRequest;
use ecp_transport::Gate;

fn take(gate: &Gate, request: CaptureRequest) {
    drop(gate.request::<ecp_methods::Capture>(&Jeton, &request));
}

fn main() {}
