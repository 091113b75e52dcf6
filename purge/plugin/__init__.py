"""Purging inside Orthanc: plans runs, holds them, deletes study by study, answers /purge-old-studies. Standard library only."""
