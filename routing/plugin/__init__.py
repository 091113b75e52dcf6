"""Forwarding inside Orthanc: change log → decision → deliveries → jobs. Standard library only."""
