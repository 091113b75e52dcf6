"""Interception of C-MOVE inside Orthanc. Standard library only."""
