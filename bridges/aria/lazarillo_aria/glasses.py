"""Glasses through Meta's Client SDK: the first generation by aria.sdk, the second by aria.sdk_gen2.

Both have open(inbox), which connects, starts streaming and returns when data may come, and close(). Both block for
seconds; the SDK lets other threads run meanwhile. What comes is put into the inbox by the SDK's threads.
"""

from pathlib import Path

from .console import BridgeError

DEFAULT_PROFILE = {1: "profile18", 2: "profile9"}


def _missing(error):
    return BridgeError(f"the Client SDK of Project Aria cannot be used ({error}): "
                       "pip install projectaria-client-sdk==2.5.1, or 'bridges/aria[live]'")


def _one_device(serials, wanted):
    """The SDK would take the first."""
    if wanted is None and len(serials) > 1:
        raise BridgeError(f"{len(serials)} devices are attached: name one with --serial: {', '.join(serials)}")
    if wanted is not None and serials and wanted not in serials:
        raise BridgeError(f"no device {wanted} is attached: there is {', '.join(serials)}")


class _Glasses:
    def __init__(self, options):
        self.options = options
        self.profile = options.profile or DEFAULT_PROFILE[self.generation]
        self.device = None  # serial, generation, model
        self._steps = []  # what close() has to undo

    def _told(self, doing, call, *arguments):
        """The SDK's exceptions as one line."""
        try:
            return call(*arguments)
        except Exception as error:  # RuntimeError of C++, with the SDK's text
            raise BridgeError(f"{doing} failed: {error}") from error

    def close(self):
        """Undoes what open() did, as far as it came; returns what could not be undone."""
        failed = []
        while self._steps:
            name, undo = self._steps.pop()
            try:
                undo()
            except Exception as error:  # the glasses may be gone
                failed.append(f"{name}: {error}")
        return failed


class GlassesGen1(_Glasses):
    generation = 1
    # Of aria.sdk.CameraId and of the streams in recordings.
    CAMERAS = {0: "camera-slam-left", 1: "camera-slam-right", 2: "camera-rgb"}
    IMUS = ("imu-right", "imu-left")

    def __init__(self, options):
        try:
            import aria.sdk as sdk
        except ImportError as error:
            raise _missing(error) from error
        super().__init__(options)
        self._sdk = sdk
        self._client = sdk.DeviceClient()
        config = sdk.DeviceClientConfig()
        if options.ip:
            config.ip_v4_address = options.ip
        if options.serial:
            config.device_serial = options.serial
        self._client.set_client_config(config)

    def _check_devices(self):
        if not self.options.ip:
            _one_device(self._told("looking for devices", self._attached), self.options.serial)

    def _attached(self):
        # Serial numbers, or pairs with one, as of the second generation: nothing says which.
        return [device if isinstance(device, str) else str(device[0]) for device in self._client.usb_devices]

    def pair(self):
        self._check_devices()
        self._told("pairing", self._client.authenticate)

    def open(self, inbox):
        from projectaria_tools.core.calibration import device_calibration_from_json_string

        sdk = self._sdk
        self._check_devices()
        device = self._told("connecting to the glasses", self._client.connect)
        self._steps.append(("disconnecting", lambda: self._client.disconnect(device)))
        self.device = {"serial": device.info.serial, "generation": 1, "model": device.info.model, "subtype": None}
        manager = device.streaming_manager
        config = sdk.StreamingConfig()
        config.profile_name = self.profile
        config.streaming_interface = (sdk.StreamingInterface.Usb if self.options.interface == "usb"
                                      else sdk.StreamingInterface.WifiStation)
        config.security_options.use_ephemeral_certs = True
        manager.streaming_config = config
        inbox.calibration = device_calibration_from_json_string(
            self._told("reading the calibration", manager.sensors_calibration))
        self._told("starting to stream", manager.start_streaming)
        self._steps.append(("stopping the stream", manager.stop_streaming))
        client = manager.streaming_client
        subscribe_to(sdk, client, inbox)
        self._told("subscribing to the stream", client.subscribe)
        self._steps.append(("unsubscribing", client.unsubscribe))


def subscribe_to(sdk, client, inbox):
    """Sets an aria.sdk.StreamingClient up, short of subscribe()."""
    subscription = client.subscription_config
    kinds = sdk.StreamingDataType
    subscription.subscriber_data_type = kinds.Rgb | kinds.Slam | kinds.Imu
    # Of pictures only the newest is of use; of motion all.
    for kind, length in ((kinds.Rgb, 1), (kinds.Slam, 2), (kinds.Imu, 100)):
        subscription.message_queue_size[kind] = length
    security = sdk.StreamingSecurityOptions()
    security.use_ephemeral_certs = True
    subscription.security_options = security
    client.subscription_config = subscription
    client.set_streaming_client_observer(_Observer(inbox))


class _Observer:
    """What aria.sdk calls, from threads of its own."""

    def __init__(self, inbox):
        self._inbox = inbox

    def on_image_received(self, image, record):
        label = GlassesGen1.CAMERAS.get(int(getattr(record.camera_id, "value", record.camera_id)))
        if label:
            self._inbox.picture(label, image, record.capture_timestamp_ns)

    def on_imu_received(self, samples, imu_idx):
        if 0 <= imu_idx < len(GlassesGen1.IMUS):
            self._inbox.motion(GlassesGen1.IMUS[imu_idx], samples)

    def on_streaming_client_failure(self, reason, message):
        self._inbox.fail(f"{getattr(reason, 'name', reason)}: {message}")


class GlassesGen2(_Glasses):
    generation = 2
    CAMERAS = {1: "slam-front-left", 2: "slam-front-right", 4: "slam-side-left", 8: "slam-side-right",
               64: "camera-rgb"}

    def __init__(self, options):
        try:
            import aria
            import aria.sdk_gen2 as sdk
            import aria.stream_receiver as receiver
        except ImportError as error:
            raise _missing(error) from error
        super().__init__(options)
        self._sdk, self._receiver_sdk = sdk, receiver
        self._client = sdk.DeviceClient()
        config = sdk.DeviceClientConfig()
        adb = Path(aria.__file__).parent / "tools" / "adb"  # the SDK's own
        if adb.exists():
            config.adb_path = str(adb)
        self._client.set_client_config(config)
        self._target = sdk.DeviceTarget(ip=options.ip or "", serial=options.serial or "")

    def _check_devices(self):
        if not self.options.ip:
            _one_device([serial for serial, _ in self._told("looking for devices", self._client.usb_devices)],
                        self.options.serial)

    def pair(self):
        self._check_devices()
        self._told("pairing", self._client.authenticate, self._target)

    def open(self, inbox):
        sdk = self._sdk
        self._check_devices()
        device = self._told("connecting to the glasses", self._client.connect, self._target)
        self._steps.append(("disconnecting", lambda: self._client.disconnect(device)))
        self.device = {"serial": device.serial(), "generation": 2, "model": "AriaGen2", "subtype": None}
        config = sdk.HttpStreamingConfig()
        config.profile_name = self.profile
        config.streaming_interface = (sdk.StreamingInterface.USB_NCM if self.options.interface == "usb"
                                      else sdk.StreamingInterface.WIFI_STA)
        device.set_streaming_config(config)
        receiver = self.receiver(inbox)
        self._told("listening for the glasses", receiver.start_server)
        self._steps.append(("stopping the server", receiver.stop_server))
        self._told("starting to stream", device.start_streaming)
        self._steps.append(("stopping the stream", device.stop_streaming))

    def receiver(self, inbox):
        """What the glasses connect to; they send their calibration first."""
        server = self._sdk.HttpServerConfig()
        server.address, server.port = "0.0.0.0", self.options.port
        receiver = self._receiver_sdk.StreamReceiver(enable_image_decoding=True)
        receiver.set_server_config(server)
        batched = []  # whether motion comes in batches: glasses send it so, the SDK's own replay does not

        def on_picture(image, record):
            label = self.CAMERAS.get(record.camera_id)
            if label:
                inbox.picture(label, image.to_numpy_array(), record.capture_timestamp_ns)

        def on_samples(samples, label):
            if not batched:
                batched.append(label)
            inbox.motion(label, samples)

        def on_sample(sample, label):
            if not batched:
                inbox.motion(label, [sample])

        receiver.register_rgb_callback(on_picture)
        receiver.register_slam_callback(on_picture)
        receiver.register_imu_batch_callback(on_samples)
        receiver.register_imu_callback(on_sample)
        receiver.register_device_calib_callback(inbox.set_calibration)
        return receiver


def glasses(options):
    return (GlassesGen1 if options.generation == 1 else GlassesGen2)(options)
