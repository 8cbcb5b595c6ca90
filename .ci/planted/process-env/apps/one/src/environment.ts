process.stdout.write(String(process.env['HOME']))
