"""What is compiled: built when there is a compiler, and done without when there is none."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(f"kafkactl.{module}", [f"kafkactl/{module.replace('.', '/')}.pyx"], optional=True)
        for module in (
            "storage._records",
            "dump._record_lines",
            "streams.librdkafka._line_receiver",
            "streams.librdkafka._line_sender",
        )
    ]
)
