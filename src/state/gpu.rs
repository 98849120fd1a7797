//! The NVIDIA state machine of a process: none → opened → initialised → context.
//!
//! Kernel launches are stores to a mapped doorbell and make no system call, so what can be seen is how a process
//! *prepares*: device opens, and ioctls on them. The request's inner command lies behind a pointer. The driver
//! ignores a request's type byte, so requests to the control and GPU nodes are told by their low byte; those to the
//! UVM node are plain numbers (`nvproxy/frontend.go`, `nvproxy/uvm.go`).
//!
//! Whether an ioctl succeeded does not matter: the driver reports failure inside the parameters, which are invisible.

use bitflags::bitflags;

use super::fds::Nvidia;

/// How far a process got with the GPU. Only ever rises until the process runs another program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum GpuState {
    /// No device was touched.
    #[default]
    None,
    /// A device was opened.
    Opened,
    /// The resource manager was asked for a client: what `nvidia-smi` does, too.
    Initialised,
    /// A compute context stands: memory and a channel are registered with UVM.
    Context,
}

impl GpuState {
    /// The state's name in rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GpuState::None => "none",
            GpuState::Opened => "opened",
            GpuState::Initialised => "initialised",
            GpuState::Context => "context",
        }
    }
}

/// A request that the state machine knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GpuRequest {
    /// `NV_ESC_RM_ALLOC`
    RmAlloc,
    /// `NV_ESC_RM_CONTROL`
    RmControl,
    /// `NV_ESC_RM_MAP_MEMORY`
    RmMapMemory,
    /// `NV_ESC_RM_VID_HEAP_CONTROL`
    RmVidHeapControl,
    /// `NV_ESC_CARD_INFO`
    CardInfo,
    /// `NV_ESC_CHECK_VERSION_STR`
    CheckVersion,
    /// `NV_ESC_REGISTER_FD`
    RegisterFd,
    /// `UVM_INITIALIZE`
    UvmInitialize,
    /// `UVM_REGISTER_GPU`
    UvmRegisterGpu,
    /// `UVM_REGISTER_GPU_VASPACE`
    UvmRegisterGpuVaspace,
    /// `UVM_REGISTER_CHANNEL`
    UvmRegisterChannel,
    /// `UVM_MAP_EXTERNAL_ALLOCATION`
    UvmMapExternalAllocation,
    /// Any other.
    Other,
}

impl GpuRequest {
    /// The request's name in rules.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            GpuRequest::RmAlloc => "NV_ESC_RM_ALLOC",
            GpuRequest::RmControl => "NV_ESC_RM_CONTROL",
            GpuRequest::RmMapMemory => "NV_ESC_RM_MAP_MEMORY",
            GpuRequest::RmVidHeapControl => "NV_ESC_RM_VID_HEAP_CONTROL",
            GpuRequest::CardInfo => "NV_ESC_CARD_INFO",
            GpuRequest::CheckVersion => "NV_ESC_CHECK_VERSION_STR",
            GpuRequest::RegisterFd => "NV_ESC_REGISTER_FD",
            GpuRequest::UvmInitialize => "UVM_INITIALIZE",
            GpuRequest::UvmRegisterGpu => "UVM_REGISTER_GPU",
            GpuRequest::UvmRegisterGpuVaspace => "UVM_REGISTER_GPU_VASPACE",
            GpuRequest::UvmRegisterChannel => "UVM_REGISTER_CHANNEL",
            GpuRequest::UvmMapExternalAllocation => "UVM_MAP_EXTERNAL_ALLOCATION",
            GpuRequest::Other => "other",
        }
    }

    /// The request behind an ioctl's second argument on that device. Values: `nv-ioctl-numbers.h`, `nv_escape.h`,
    /// `uvm_ioctl.h` and `uvm_linux_ioctl.h` of the open kernel modules.
    fn on(device: Nvidia, request: u64) -> GpuRequest {
        // Callers with an `int` prototype sign-extend the request; the kernel looks at 32 bits.
        let request = request & 0xffff_ffff;
        match device {
            Nvidia::Control | Nvidia::Gpu => match request & 0xff {
                0x2a => GpuRequest::RmControl,
                0x2b => GpuRequest::RmAlloc,
                0x4a => GpuRequest::RmVidHeapControl,
                0x4e => GpuRequest::RmMapMemory,
                0xc8 => GpuRequest::CardInfo,
                0xc9 => GpuRequest::RegisterFd,
                0xd2 => GpuRequest::CheckVersion,
                _ => GpuRequest::Other,
            },
            Nvidia::Uvm => match request {
                0x3000_0001 => GpuRequest::UvmInitialize,
                25 => GpuRequest::UvmRegisterGpuVaspace,
                27 => GpuRequest::UvmRegisterChannel,
                33 => GpuRequest::UvmMapExternalAllocation,
                37 => GpuRequest::UvmRegisterGpu,
                _ => GpuRequest::Other,
            },
        }
    }
}

/// What a process did with the GPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gpu {
    state: GpuState,
    ioctls: u64,
    registered: Registered,
    /// What was asked for on a descriptor that was not known, before anything else told of the GPU.
    presumed: Registered,
}

bitflags! {
    /// What a process registered with UVM. All three make a compute context; in which order they are *seen* says
    /// nothing, as the threads of a starting process report microseconds apart.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    struct Registered: u8 {
        /// The GPU.
        const GPU = 1;
        /// An address space on it.
        const VASPACE = 2;
        /// A channel to submit work through.
        const CHANNEL = 4;
    }
}

impl Registered {
    fn by(request: GpuRequest) -> Registered {
        match request {
            GpuRequest::UvmRegisterGpu => Registered::GPU,
            GpuRequest::UvmRegisterGpuVaspace => Registered::VASPACE,
            GpuRequest::UvmRegisterChannel => Registered::CHANNEL,
            GpuRequest::RmAlloc
            | GpuRequest::RmControl
            | GpuRequest::RmMapMemory
            | GpuRequest::RmVidHeapControl
            | GpuRequest::CardInfo
            | GpuRequest::CheckVersion
            | GpuRequest::RegisterFd
            | GpuRequest::UvmInitialize
            | GpuRequest::UvmMapExternalAllocation
            | GpuRequest::Other => Registered::empty(),
        }
    }
}

impl Gpu {
    /// How far the process got.
    #[must_use]
    pub fn state(&self) -> GpuState {
        self.state
    }

    /// Its ioctls on NVIDIA devices.
    #[must_use]
    pub fn ioctls(&self) -> u64 {
        self.ioctls
    }

    /// A device was opened.
    pub(crate) fn opened(&mut self) {
        self.state = self.state.max(GpuState::Opened);
    }

    /// An ioctl was made on `device`; says which.
    pub(crate) fn ioctl(&mut self, device: Nvidia, request: u64) -> GpuRequest {
        self.ioctls = self.ioctls.saturating_add(1);
        self.asks(device, request)
    }

    /// An ioctl on `device` begins; says which. That is enough for how far the process got, should its end be lost.
    pub(crate) fn asks(&mut self, device: Nvidia, request: u64) -> GpuRequest {
        self.opened();
        let request = GpuRequest::on(device, request);
        match request {
            GpuRequest::RmAlloc
            | GpuRequest::CardInfo
            | GpuRequest::CheckVersion
            | GpuRequest::UvmInitialize => {
                self.state = self.state.max(GpuState::Initialised);
            }
            GpuRequest::UvmRegisterGpu
            | GpuRequest::UvmRegisterGpuVaspace
            | GpuRequest::UvmRegisterChannel
            | GpuRequest::UvmMapExternalAllocation
            | GpuRequest::RmControl
            | GpuRequest::RmMapMemory
            | GpuRequest::RmVidHeapControl
            | GpuRequest::RegisterFd
            | GpuRequest::Other => {}
        }
        self.registered |= Registered::by(request);
        if self.state >= GpuState::Initialised {
            self.registered |= self.presumed;
        }
        if self.registered.is_all() {
            self.state = GpuState::Context;
        }
        request
    }

    /// A request that UVM knows was made on a descriptor that is not known: it counts as soon as something else tells
    /// that the process uses the GPU. What opened the device may only come later.
    pub(crate) fn presume(&mut self, request: u64) {
        self.presumed |= Registered::by(GpuRequest::on(Nvidia::Uvm, request));
    }
}

/// The NVIDIA device that a path names.
#[must_use]
pub(crate) fn device_at(path: &[u8]) -> Option<Nvidia> {
    match path.strip_prefix(b"/dev/nvidia")? {
        b"ctl" => Some(Nvidia::Control),
        b"-uvm" => Some(Nvidia::Uvm),
        minor if !minor.is_empty() && minor.len() <= 3 && minor.iter().all(u8::is_ascii_digit) => {
            Some(Nvidia::Gpu)
        }
        _ => None,
    }
}

/// The device that an ioctl on an *unknown* descriptor most likely meant: descriptors can come over a socket, which
/// no event shows. Only requests that nobody else uses count; of a process that is at the GPU already, UVM's plain
/// numbers as well.
#[must_use]
pub(crate) fn device_by_request(request: u64, state: GpuState) -> Option<Nvidia> {
    let request = request & 0xffff_ffff;
    // Direction read|write and type 'F' (`_IOWR('F', nr, size)`), whatever the size.
    let is_nvidia = request & 0xc000_ff00 == 0xc000_4600;
    match request {
        0x3000_0001 => Some(Nvidia::Uvm),
        25 | 27 | 33 | 37 if state >= GpuState::Initialised => Some(Nvidia::Uvm),
        _ if is_nvidia && matches!(request & 0xff, 0x27 | 0x2a | 0x2b | 0x4a | 0x4e | 0xc8..=0xda) => {
            Some(Nvidia::Control)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(steps: &[(Nvidia, u64)]) -> Gpu {
        let mut gpu = Gpu::default();
        for (device, request) in steps {
            gpu.ioctl(*device, *request);
        }
        gpu
    }

    #[test]
    fn a_cuda_start_reaches_a_context() {
        let gpu = after(&[
            (Nvidia::Control, 0xc020_462b),
            (Nvidia::Uvm, 0x3000_0001),
            (Nvidia::Uvm, 37),
            (Nvidia::Uvm, 25),
            (Nvidia::Uvm, 27),
        ]);
        assert_eq!(gpu.state(), GpuState::Context);
        assert_eq!(gpu.ioctls(), 5);
    }

    #[test]
    fn monitoring_is_no_context() {
        let gpu = after(&[
            (Nvidia::Control, 0xc048_46d2),
            (Nvidia::Control, 0xc020_462a),
            (Nvidia::Gpu, 0xc004_46c9),
        ]);
        assert_eq!(gpu.state(), GpuState::Initialised);
    }

    #[test]
    fn it_takes_gpu_address_space_and_channel_in_whatever_order() {
        assert_eq!(after(&[(Nvidia::Uvm, 37), (Nvidia::Uvm, 27)]).state(), GpuState::Opened);
        assert_eq!(after(&[(Nvidia::Uvm, 25), (Nvidia::Uvm, 27)]).state(), GpuState::Opened);
        assert_eq!(
            after(&[(Nvidia::Uvm, 27), (Nvidia::Uvm, 37), (Nvidia::Uvm, 25)]).state(),
            GpuState::Context
        );
    }

    #[test]
    fn the_type_byte_of_a_request_does_not_hide_it() {
        for request in [0xc020_462b, 0xc020_ff2b, 0x2b, 0xffff_ffff_c020_462b] {
            assert_eq!(after(&[(Nvidia::Control, request)]).state(), GpuState::Initialised, "{request:#x}");
        }
    }

    #[test]
    fn uvm_requests_are_whole_numbers() {
        assert_eq!(Gpu::default().ioctl(Nvidia::Uvm, 0xc020_461b), GpuRequest::Other);
        assert_eq!(Gpu::default().ioctl(Nvidia::Uvm, 27), GpuRequest::UvmRegisterChannel);
    }

    #[test]
    fn device_nodes_are_told_by_their_path() {
        for (path, device) in [
            ("/dev/nvidiactl", Some(Nvidia::Control)),
            ("/dev/nvidia0", Some(Nvidia::Gpu)),
            ("/dev/nvidia12", Some(Nvidia::Gpu)),
            ("/dev/nvidia-uvm", Some(Nvidia::Uvm)),
            ("/dev/nvidia", None),
            ("/dev/nvidia-modeset", None),
            ("/dev/nvidia-uvm-tools", None),
            ("/tmp/dev/nvidia0", None),
        ] {
            assert_eq!(device_at(path.as_bytes()), device, "{path}");
        }
    }

    #[test]
    fn a_terminal_ioctl_on_an_unknown_descriptor_is_no_gpu() {
        for state in [GpuState::None, GpuState::Opened, GpuState::Initialised, GpuState::Context] {
            assert_eq!(device_by_request(0x5401, state), None);
            assert_eq!(device_by_request(0xc020_462a, state), Some(Nvidia::Control));
            assert_eq!(device_by_request(0x3000_0001, state), Some(Nvidia::Uvm));
        }
    }

    #[test]
    fn plain_numbers_on_an_unknown_descriptor_count_for_who_is_at_the_gpu_already() {
        for request in [25, 27, 33, 37, 0xffff_ffff_0000_001b] {
            assert_eq!(device_by_request(request, GpuState::None), None);
            assert_eq!(device_by_request(request, GpuState::Opened), None);
            assert_eq!(device_by_request(request, GpuState::Initialised), Some(Nvidia::Uvm));
        }
        assert_eq!(device_by_request(26, GpuState::Context), None);
    }

    #[test]
    fn nothing_is_asked_of_a_context_that_stands() {
        let mut gpu = after(&[(Nvidia::Uvm, 27), (Nvidia::Uvm, 37), (Nvidia::Uvm, 25)]);
        gpu.opened();
        gpu.ioctl(Nvidia::Control, 0xc020_462b);
        gpu.ioctl(Nvidia::Uvm, 0x3000_0002);
        assert_eq!(gpu.state(), GpuState::Context);
    }

    #[test]
    fn an_ioctl_before_its_open_is_no_less() {
        let mut gpu = after(&[(Nvidia::Control, 0xc020_462b)]);
        assert_eq!(gpu.state(), GpuState::Initialised);
        gpu.opened();
        assert_eq!(gpu.state(), GpuState::Initialised);
    }

    #[test]
    fn what_was_asked_for_before_anything_told_of_the_gpu_counts_afterwards() {
        let mut gpu = Gpu::default();
        [37, 25, 27, 26].into_iter().for_each(|request| gpu.presume(request));
        assert_eq!(gpu.state(), GpuState::None, "others use these numbers, too");
        gpu.opened();
        assert_eq!(gpu.state(), GpuState::Opened);
        gpu.ioctl(Nvidia::Control, 0xc020_462b);
        assert_eq!((gpu.state(), gpu.ioctls()), (GpuState::Context, 1));
    }

    #[test]
    fn an_ioctl_whose_end_is_lost_counts_by_its_beginning() {
        let mut gpu = after(&[(Nvidia::Control, 0xc020_462b), (Nvidia::Uvm, 37), (Nvidia::Uvm, 25)]);
        gpu.asks(Nvidia::Uvm, 27);
        assert_eq!((gpu.state(), gpu.ioctls()), (GpuState::Context, 3));
    }

    #[test]
    fn several_gpus_register_with_one_context() {
        let gpu = after(&[
            (Nvidia::Uvm, 37),
            (Nvidia::Uvm, 37),
            (Nvidia::Uvm, 25),
            (Nvidia::Uvm, 25),
            (Nvidia::Uvm, 27),
        ]);
        assert_eq!((gpu.state(), gpu.ioctls()), (GpuState::Context, 5));
    }

    #[test]
    fn a_frontend_number_on_the_uvm_node_and_the_other_way_round_are_others() {
        assert_eq!(Gpu::default().ioctl(Nvidia::Uvm, 0x2b), GpuRequest::Other);
        assert_eq!(Gpu::default().ioctl(Nvidia::Gpu, 25), GpuRequest::Other);
        assert_eq!(Gpu::default().ioctl(Nvidia::Gpu, 0xc020_462b), GpuRequest::RmAlloc);
    }
}
