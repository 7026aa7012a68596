#!/bin/bash
# One shard of a day for each task of an array:
#   job=$(sbatch --parsable --array=0-15 slurm_shard.sh /data/shop 2025-08-16 /data/shards/2025-08-16)
#   sbatch --dependency=afterok:$job --wrap \
#     'hitherto finalize /data/shards/2025-08-16 --shards 16 --out /data/training --add-days --if-exists skip'
#SBATCH --job-name=hitherto
#SBATCH --nodes=1
#SBATCH --cpus-per-task=16
#SBATCH --mem=32G
#SBATCH --requeue
set -euo pipefail
data=$1 date=$2 shards=$3
# It counts the cores and the memory of its cgroup. A task that Slurm starts again makes the same bytes.
exec hitherto sequences "$data" --date "$date" --out "$shards" --overwrite \
    --shard "$SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"
