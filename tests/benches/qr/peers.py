"""Reads QR symbols with the readers that Python has wheels of, one thread each.

First line out: the name and version of every reader there is. Then, for each line in, "reader width height" and that
many grey bytes: the CPU nanoseconds of the reading and the texts in hexadecimal.
"""

import ctypes
import importlib.metadata
import sys
import time

import numpy

readers = {}
versions = []

try:
    import zxingcpp

    def read_zxing_cpp(grey):
        # Everything else is left at its default; this text mode keeps control characters as they are.
        options = {"formats": zxingcpp.BarcodeFormat.QRCode, "text_mode": zxingcpp.TextMode.Plain}
        return [found.text for found in zxingcpp.read_barcodes(grey, **options)]

    readers["zxing-cpp"] = read_zxing_cpp
    versions.append("zxing-cpp " + importlib.metadata.version("zxing-cpp"))
except ImportError as missing:
    print("zxing-cpp:", missing, file=sys.stderr)

try:
    from pyzbar import pyzbar, wrapper

    def read_zbar(grey):
        found = pyzbar.decode((grey.tobytes(), grey.shape[1], grey.shape[0]), symbols=[pyzbar.ZBarSymbol.QRCODE])
        return [symbol.data.decode(errors="surrogateescape") for symbol in found]

    readers["zbar"] = read_zbar
    major, minor = ctypes.c_uint(), ctypes.c_uint()
    wrapper.zbar_version(ctypes.byref(major), ctypes.byref(minor))
    versions.append(f"zbar {major.value}.{minor.value}")
except ImportError as missing:
    print("zbar:", missing, file=sys.stderr)

try:
    import cv2

    cv2.setNumThreads(1)
    # The variant that finds patterns as ArUco markers reads more of dense symbols than QRCodeDetector.
    detector = cv2.QRCodeDetectorAruco()

    def read_opencv(grey):
        try:
            return [text for text in detector.detectAndDecodeMulti(grey)[1] if text]
        except (cv2.error, UnicodeDecodeError):
            return []

    readers["opencv"] = read_opencv
    versions.append("opencv " + cv2.__version__)
except ImportError as missing:
    print("opencv:", missing, file=sys.stderr)

print("\t".join(versions), flush=True)
while request := sys.stdin.buffer.readline().split():
    reader, width, height = readers[request[0].decode()], int(request[1]), int(request[2])
    grey = numpy.frombuffer(sys.stdin.buffer.read(width * height), numpy.uint8).reshape(height, width)
    began = time.thread_time_ns()
    texts = reader(grey)
    spent = time.thread_time_ns() - began
    print(spent, *(text.encode(errors="surrogateescape").hex() or "-" for text in texts), flush=True)
